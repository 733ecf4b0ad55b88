"""Connections to ``http://`` servers, for requests that need nothing of a general HTTP client.

For each request aiohttp creates about twenty objects and a task: session, request, writer, payload, timers, cookies,
redirects. A short request to a server in the same network spends most of its CPU time there. Here a request is one
write, and its reply is one future. Everything else goes through aiohttp: TLS, proxies, streams and files.
"""

from __future__ import annotations

import asyncio
import re
import socket
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from multidict import CIMultiDict

__all__ = ["BadURL", "BrokenReply", "NoConnection", "PlainConnections", "PlainReply"]

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9]\d\d)(?: |$)")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
_DIGITS = re.compile(r"\d{1,15}")
_MAX_HEAD = 2**18
"""Maximum number of bytes before the body of a reply, or in a line of a body in chunks."""
_MAX_IDLE_SECONDS = 60.0
_OWN_HEADERS = ("Connection", "Content-Length", "Content-Encoding", "Expect", "Transfer-Encoding", "Host")
"""Headers with which a user changes how requests are sent; aiohttp knows what to do then."""
_NO_BODY = (204, 304)
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


class _Body:
    """The body of a reply, while it arrives.

    Attributes:
        rest: What came after the body.
    """

    ends_with_connection = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Add bytes; return whether the body is complete."""
        self._parts.append(data)
        return False

    def content(self) -> bytes:
        """Return the body."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


class _Endless(_Body):
    """A body that ends with the connection."""

    ends_with_connection = True


class _Sized(_Body):
    """A body whose length is known."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length

    def feed(self, data: bytes) -> bool:
        if len(data) > self._left:
            data, self.rest = data[: self._left], data[self._left :]
        self._left -= len(data)
        self._parts.append(data)
        return not self._left


class _Chunked(_Body):
    """A body in chunks, each after a line with its size; the last one is empty, and lines may follow it."""

    def __init__(self) -> None:
        super().__init__()
        self._size: int | None = None
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bool:
        buffer = self._buffer
        buffer += data
        while True:
            if self._size:
                if len(buffer) < self._size + 2:
                    return False
                self._parts.append(bytes(buffer[: self._size]))
                del buffer[: self._size + 2]
                self._size = None
            end = buffer.find(b"\n")
            if end < 0:
                if len(buffer) > _MAX_HEAD:
                    raise BrokenReply("a line of the body is too long")
                return False
            line = bytes(buffer[:end]).strip()
            del buffer[: end + 1]
            if self._size is None:
                size = _SIZE.fullmatch(line.partition(b";")[0].strip())
                if size is None:
                    raise BrokenReply("a chunk of the body has no size")
                self._size = int(size.group(), 16)
            elif not line:
                self.rest = bytes(buffer)
                return True


class _Connection(asyncio.Protocol):
    """A connection that carries one request after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[PlainReply] | None = None
        self._start = b""
        self._status, self._headers = 0, CIMultiDict[str]()
        self._body: _Body | None = None
        self._keeps = False
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._keeps and self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes) -> asyncio.Future[PlainReply]:
        """Send a request; return its reply."""
        assert self._transport is not None
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
        if self._waiting is None or self._waiting.done():  # nobody asked, or whoever asked is gone
            self._keeps = False
            self.close()
            return
        try:
            while self._body is None:
                data = self._start + data if self._start else data
                end = _END_OF_HEAD.search(data)
                if end is None:
                    self._start = data
                    if len(data) > _MAX_HEAD:
                        raise BrokenReply("the head of the reply is too long")
                    return
                self._start = b""
                self._read_head(data[: end.start()].decode("utf-8", "surrogateescape"))
                data = data[end.end() :]
            if self._body.feed(data):
                self._finish(self._body)
        except (BrokenReply, zlib.error) as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._keeps = False
        if self._waiting is None or self._waiting.done():
            return
        if self._body is not None and self._body.ends_with_connection and error is None:
            try:
                self._finish(self._body)
            except zlib.error as damaged:
                self._fail(damaged)
        else:
            self._fail(error or BrokenReply("the server closed the connection"))

    def _read_head(self, head: str) -> None:
        """Read status and headers, and how the body ends; those of an interim reply are skipped."""
        first, *lines = head.replace("\r\n", "\n").lstrip("\n").split("\n")
        found = _STATUS.match(first)
        if found is None:
            raise BrokenReply("the reply is not HTTP")
        headers = CIMultiDict[str]()
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise BrokenReply("the reply has a line that is no header")
            headers.add(name, value.strip())
        status = int(found.group(2))
        if status < 200:
            return
        self._status, self._headers = status, headers
        self._keeps = found.group(1) == "1" and "close" not in headers.get("Connection", "").lower()
        length = headers.get("Content-Length")
        if status in _NO_BODY:
            self._body = _Sized(0)
        elif "Transfer-Encoding" in headers:
            if headers["Transfer-Encoding"].lower() != "chunked":
                raise BrokenReply("the body of the reply has an unknown form")
            self._body = _Chunked()
        elif length is None:
            self._body, self._keeps = _Endless(), False
        elif _DIGITS.fullmatch(length) and headers.getall("Content-Length") == [length]:
            self._body = _Sized(int(length))
        else:
            raise BrokenReply("the length of the reply is no number")

    def _finish(self, body: _Body) -> None:
        raw = body.content()
        if raw and self._headers.get("Content-Encoding", "").lower() in _COMPRESSED:
            raw = _inflated(raw)
        if body.rest:
            self._keeps = False
        reply = PlainReply(self._status, self._headers, raw)
        waiting, self._waiting, self._body = self._waiting, None, None
        if not self._keeps:
            self.close()
        if waiting is not None:
            waiting.set_result(reply)

    def _fail(self, error: Exception) -> None:
        self._keeps = False
        self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error if isinstance(error, OSError) else BrokenReply(str(error)))


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
        return not self._special and url.startswith("http://") and "@" not in url

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
