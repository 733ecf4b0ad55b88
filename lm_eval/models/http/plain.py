"""Connections to ``http://`` servers, for requests that need nothing of a general HTTP client.

For each request aiohttp creates about twenty objects and a task: session, request, writer, payload, timers, cookies,
redirects. A short request to a server in the same network spends most of its CPU time there. Here a request is one
write, its reply is one future, and httptools reads it. Without httptools (the extra ``speed``) all requests go through
aiohttp; with it TLS, proxies, streams and files do.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from multidict import CIMultiDict

try:
    import httptools
except ImportError:
    httptools = None  # type: ignore[assignment]

__all__ = ["BadURL", "BrokenReply", "NoConnection", "PlainConnections", "PlainReply"]

_MAX_IDLE_SECONDS = 60.0
_OWN_HEADERS = ("Connection", "Content-Length", "Content-Encoding", "Expect", "Transfer-Encoding", "Host")
"""Headers with which a user changes how requests are sent; aiohttp knows what to do then."""
_COMPRESSED = ("gzip", "x-gzip", "deflate")


class BadURL(ValueError):
    """A URL that cannot be one of a server."""


class NoConnection(OSError):
    """The server accepts no connection."""


class BrokenReply(OSError):
    """The connection ended before the reply was complete, or the reply is not HTTP."""


@dataclass(slots=True)
class PlainReply:
    """A complete reply.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        raw: The body, decompressed.
    """

    status: int
    headers: CIMultiDict[str]
    raw: bytes


class _Connection(asyncio.Protocol):
    """A connection that carries one request after the other; httptools reads the replies and calls ``on_...``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[PlainReply] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._has_head = self._is_complete = self._surplus = self._keeps = False
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._keeps and self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes) -> asyncio.Future[PlainReply]:
        """Send a request; return its reply."""
        assert self._transport is not None
        self._headers, self._parts = [], []
        self._has_head = self._is_complete = self._keeps = False
        self._waiting = self._loop.create_future()
        self._transport.write(request)
        return self._waiting

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if (plug := transport.get_extra_info("socket")) is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # nobody asked
            self._keeps = False
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except Exception as error:  # httptools has several, without a base of their own
            if not self._is_complete:
                self._fail(error)
                return
            self._surplus = True
        if self._is_complete:
            self._keeps = self._keeps and not self._surplus
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        ends_here = self._has_head and error is None and not self._says_its_end()
        if ends_here and not self._is_complete:
            self._keeps = False
            self._finish()
        else:
            self._fail(error or BrokenReply("the server closed the connection"))

    def on_message_begin(self) -> None:
        """Refuse to use a connection again on which more than the reply came."""
        self._surplus = self._is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a line after the last chunk."""
        if not self._has_head:
            self._headers.append((name, value.strip()))

    def on_headers_complete(self) -> None:
        """Note that the body follows."""
        forms = [value.lower() for name, value in self._headers if name.lower() == b"transfer-encoding"]
        if forms not in ([], [b"chunked"]):
            raise BrokenReply("the body of the reply has an unknown form")
        self._has_head = True
        self._keeps = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(data)

    def on_message_complete(self) -> None:
        """Note the end of a reply; that of an interim one, such as 100, is none."""
        if self._parser.get_status_code() < 200:
            self._headers, self._has_head = [], False
        else:
            self._is_complete = True

    def _says_its_end(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def _finish(self) -> None:
        waiting, self._waiting = self._waiting, None
        if not self._keeps:
            self.close()
        if waiting is None or waiting.done():
            return
        headers = CIMultiDict((_text(name), _text(value)) for name, value in self._headers)
        raw = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        try:
            if raw and headers.get("Content-Encoding", "").lower() in _COMPRESSED:
                raw = _inflated(raw)
        except (BrokenReply, zlib.error) as error:
            waiting.set_exception(BrokenReply(str(error)))
        else:
            waiting.set_result(PlainReply(self._parser.get_status_code(), headers, raw))

    def _fail(self, error: Exception) -> None:
        self._keeps = False
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error if isinstance(error, OSError) else BrokenReply(str(error)))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _inflated(raw: bytes) -> bytes:
    """Decompress gzip or deflate; some servers send deflate without its two bytes of header."""
    plain = raw[0] & 0x0F != 8 and raw[:2] != b"\x1f\x8b"
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS if plain else zlib.MAX_WBITS | 32)
    found = unpacking.decompress(raw) + unpacking.flush()
    if not unpacking.eof:
        raise BrokenReply("the compressed body is not complete")
    return found


@dataclass(slots=True)
class _Server:
    """Where the requests for one URL go, and how they begin.

    Attributes:
        host: Name or address.
        port: Its port.
        head: Request line without the method, and headers.
        idle: Connections that wait for a request, shared by the URLs of the server.
    """

    host: str
    port: int
    head: bytes
    idle: list[_Connection] = field(default_factory=list)


class PlainConnections:
    """Keep-alive connections to ``http://`` servers; any number at the same time."""

    def __init__(self, headers: Mapping[str, str], connect_timeout: float) -> None:
        """Open nothing; needs a running event loop.

        Args:
            headers: HTTP headers of every request.
            connect_timeout: Maximum seconds for a connection.
        """
        self._loop, self._timeout = asyncio.get_running_loop(), connect_timeout
        self._servers: dict[str, _Server] = {}
        self._idle: dict[tuple[str, int], list[_Connection]] = {}
        given = CIMultiDict(headers)
        self._special = any(name in given for name in _OWN_HEADERS)
        defaults = {
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "lm_eval",
            "Content-Type": "application/json",
        }
        for name, value in defaults.items():
            given.setdefault(name, value)
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())

    def takes(self, url: str) -> bool:
        """Whether requests for a URL may be sent here; there must be no proxy for it.

        Args:
            url: The complete URL.
        """
        return httptools is not None and not self._special and url.startswith("http://") and "@" not in url

    async def send(self, url: str, body: bytes) -> PlainReply:
        """Send a request and read its reply.

        Args:
            url: The complete URL.
            body: JSON bytes of a POST; empty for a GET.

        Returns:
            The reply.

        Raises:
            NoConnection: The server accepts no connection.
            OSError: The connection broke before the reply was complete.
            asyncio.TimeoutError: There is no connection in time.
            BadURL: The URL is none.
        """
        server = self._servers.get(url)
        if server is None:
            server = self._servers[url] = self._server(url)
        connection = self._idle_connection(server) or await self._connect(server)
        if body:
            request = b"POST %sContent-Length: %d\r\n\r\n%s" % (server.head, len(body), body)
        else:
            request = b"GET %s\r\n" % server.head
        try:
            reply = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if connection.usable:
            connection.idle_since = self._loop.time()
            server.idle.append(connection)
        return reply

    def close(self) -> None:
        """Close all connections that wait for a request."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
            idle.clear()

    def _server(self, url: str) -> _Server:
        from yarl import URL

        try:
            parsed = URL(url)
        except ValueError as error:
            raise BadURL(url) from error
        host, port = parsed.raw_host, parsed.port
        if not host or not port:
            raise BadURL(url)
        shown = f"[{host}]" if ":" in host else host
        named = shown if port == 80 else f"{shown}:{port}"
        lines = f"{parsed.raw_path_qs} HTTP/1.1\r\nHost: {named}\r\n{self._lines}"
        return _Server(host, port, lines.encode(), self._idle.setdefault((host, port), []))

    def _idle_connection(self, server: _Server) -> _Connection | None:
        while server.idle:
            connection = server.idle.pop()
            if connection.usable:
                if self._loop.time() - connection.idle_since <= _MAX_IDLE_SECONDS:
                    return connection
                connection.close()
        return None

    async def _connect(self, server: _Server) -> _Connection:
        return await asyncio.wait_for(self._connect_to_any(server), self._timeout)

    async def _connect_to_any(self, server: _Server) -> _Connection:
        """Connect to an address of IPv4 if there is one: some networks have names for IPv6 and no way there."""
        for family in (socket.AF_INET, socket.AF_UNSPEC):
            try:
                _, connection = await self._loop.create_connection(
                    lambda: _Connection(self._loop), server.host, server.port, family=family
                )
            except OSError as error:
                failure = error
            else:
                return connection
        raise NoConnection(str(failure)) from failure
