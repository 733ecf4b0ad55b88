"""Connections to ``http://`` servers, for requests that need nothing of a general HTTP client.

For each request a session of aiohttp creates about twenty objects and a task: request, writer, payload, timers,
cookies, redirects. A short request to a server in the same network spends most of its CPU time there. Here a request
is one write on a connection of aiohttp, whose parser reads the reply. Requests over TLS or through a proxy, streams and
files go through the session.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

__all__ = ["MAX_LINE", "READ_BUFFER", "BadURL", "BrokenReply", "NoConnection", "PlainConnections", "PlainReply"]

READ_BUFFER = 2**20
MAX_LINE = 2**16
"""Some gateways send long headers."""
_MAX_IDLE_SECONDS = 60.0
_OWN_HEADERS = ("Connection", "Content-Length", "Content-Encoding", "Expect", "Transfer-Encoding", "Host")
"""Headers with which a user changes how requests are sent; the session knows what to do then."""


class BadURL(ValueError):
    """A URL that cannot be one of a server."""


class NoConnection(OSError):
    """The server accepts no connection."""


class BrokenReply(OSError):
    """The reply is not HTTP."""


@dataclass(slots=True)
class PlainReply:
    """A complete reply.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        raw: The body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    raw: bytes


class _Connection:
    """A connection that carries one request after the other."""

    def __init__(self, transport: asyncio.Transport, protocol: ResponseHandler) -> None:
        protocol.set_response_params(
            read_until_eof=True, read_bufsize=READ_BUFFER, max_line_size=MAX_LINE, max_field_size=MAX_LINE
        )
        self._transport, self._protocol = transport, protocol
        self.idle_since = 0.0

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        sent = self._transport.get_write_buffer_size() == 0  # A server may answer before it has read everything.
        return sent and not self._protocol.should_close and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> PlainReply:
        """Send a request; return its reply."""
        protocol = self._protocol
        self._transport.write(request)
        message, body = await protocol.read()
        while message.code < 200 and message.code != 101:  # an interim reply, such as 100 or 103
            message, body = await protocol.read()
        raw = body.read_nowait() if body.is_eof() else await body.read()
        return PlainReply(message.code, message.headers, raw)

    def close(self) -> None:
        """Close the connection at once."""
        self._transport.abort()


@dataclass(slots=True)
class _Server:
    """Where the requests for one URL go, and how they begin.

    Attributes:
        host: Name or address.
        port: Its port.
        head: Request line without the method, and headers.
        idle: Connections that wait for a request, shared by the URLs of the server.
        address: The address that answered last; None before the first connection.
    """

    host: str
    port: int
    head: bytes
    idle: list[_Connection] = field(default_factory=list)
    address: object = None


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
            BrokenReply: The reply is not HTTP.
            aiohttp.ClientError: The connection broke before the reply was complete.
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
        except BaseException as error:
            connection.close()
            if isinstance(error, HttpProcessingError):
                raise BrokenReply(str(error)) from error
            raise
        if connection.usable:
            connection.idle_since = self._loop.time()
            server.idle.append(connection)
        else:
            connection.close()
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
            if connection.usable and self._loop.time() - connection.idle_since <= _MAX_IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self, server: _Server) -> _Connection:
        """Connect to an address of the server: the last that answered, else one of IPv4, since some have no IPv6."""
        found = await asyncio.wait_for(
            self._loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM), self._timeout
        )
        addresses = sorted(
            ((family, address) for family, _, _, _, address in found),
            key=lambda one: (one[1] != server.address, one[0] != socket.AF_INET),
        )
        failure: OSError | asyncio.TimeoutError = OSError("the name has no address")
        for family, address in addresses:
            connecting = self._loop.create_connection(
                lambda: ResponseHandler(self._loop), str(address[0]), int(address[1]), family=family
            )
            try:
                transport, protocol = await asyncio.wait_for(connecting, self._timeout / len(addresses))
            except (OSError, asyncio.TimeoutError) as error:
                failure = error
                continue
            server.address = address
            if (plug := transport.get_extra_info("socket")) is not None:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return _Connection(transport, protocol)
        if isinstance(failure, asyncio.TimeoutError):
            raise failure
        raise NoConnection(str(failure)) from failure
