from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from lm_eval.models.http.plain import BrokenReply, NoConnection, PlainConnections, PlainReply
from tests.models.http.test_transport import closed_port

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TEXT = b"a text that can be compressed, a text that can be compressed"


class Server:
    """Sends given bytes after each request, piece by piece; a None ends the connection."""

    def __init__(self, *pieces: bytes | None) -> None:
        self._pieces = pieces
        self.heads: list[bytes] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(2)
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            self.heads.append(head)
            for piece in self._pieces:
                if piece is None:
                    break
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002)
            if None in self._pieces:
                break
        writer.close()


def use(server: Server, work: Callable[[PlainConnections, str], Awaitable[None]], **headers: str) -> None:
    async def main() -> None:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        connections = PlainConnections(headers, 5.0)
        try:
            await work(connections, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1/completions")
        finally:
            connections.close()
            listening.close()
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(main(), 10))


def replies(server: Server, count: int = 1) -> list[PlainReply]:
    found: list[PlainReply] = []

    async def work(connections: PlainConnections, url: str) -> None:
        for _ in range(count):
            found.append(await connections.send(url, b"{}"))

    use(server, work)
    return found


def with_encoding(name: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (name.encode(), len(body), body)


def raw_deflate(text: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(text) + packing.flush()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([SIZED], b"{}"),
        ([SIZED[:9], SIZED[9:30], SIZED[30:-1], SIZED[-1:]], b"{}"),
        ([b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"], b""),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"], b"{}"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED], b"{}"),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", SIZED], b"{}"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", b'{"a":', b"1}", None], b'{"a":1}'),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", None], b"{}"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"], b"{}"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r", b"\n{\r", b"\n01\r\n", b"}\r\n0\r\n",
          b"Digest: x\r\n", b"\r\n"], b"{}"),
        ([with_encoding("gzip", gzip.compress(TEXT))], TEXT),
        ([with_encoding("deflate", zlib.compress(TEXT))], TEXT),
        ([with_encoding("deflate", raw_deflate(TEXT))], TEXT),
    ],
)  # fmt: skip
def test_every_form_of_a_reply_is_read(pieces: list[bytes | None], expected: bytes) -> None:
    assert replies(Server(*pieces))[0].raw == expected


@pytest.mark.parametrize(
    "pieces",
    [
        [None],
        [SIZED[:-1], None],
        [b"HTTP/1.1 200 OK\r\nContent-Len", None],
        [b"220 mail.example ESMTP\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", None],
        [with_encoding("gzip", b"not compressed")],
    ],
)
def test_a_reply_that_is_not_complete_is_never_returned(pieces: list[bytes | None]) -> None:
    with pytest.raises((BrokenReply, aiohttp.ClientError)):
        replies(Server(*pieces))


def test_status_and_headers_are_those_of_the_reply() -> None:
    (reply,) = replies(Server(b"HTTP/1.1 429 Too Many\r\nretry-after:  7\r\nContent-Length: 2\r\n\r\n{}"))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")


def test_a_connection_carries_many_requests() -> None:
    server = Server(SIZED)
    replies(server, 5)
    assert (server.connections, len(server.heads)) == (1, 5)


@pytest.mark.parametrize(
    "pieces",
    [
        [SIZED.replace(b"OK\r\n", b"OK\r\nConnection: Close\r\n")],
        [SIZED.replace(b"1.1", b"1.0")],
        [SIZED + SIZED],
        [SIZED, SIZED],
        [SIZED, b"220 mail.example ESMTP\r\n\r\n"],
        [SIZED, b"HTTP/1.1 408 Request Timeout\r\n\r\n"],
        [SIZED, None],
    ],
)
def test_a_connection_that_may_not_be_used_again_is_not(pieces: list[bytes | None]) -> None:
    server, seen = Server(*pieces), list[PlainReply]()

    async def work(connections: PlainConnections, url: str) -> None:
        for _ in range(2):
            seen.append(await connections.send(url, b"{}"))
            while any(connection.usable for idle in connections._idle.values() for connection in idle):
                await asyncio.sleep(0.001)  # until what the server does next has arrived

    use(server, work)
    assert [reply.raw for reply in seen] == [b"{}", b"{}"]
    assert server.connections == 2


def test_a_request_that_is_cancelled_costs_its_connection() -> None:
    server = Server(SIZED[:-1])

    async def work(connections: PlainConnections, url: str) -> None:
        for _ in range(2):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(connections.send(url, b"{}"), 0.02)

    use(server, work)
    assert server.connections == 2


def test_a_connection_with_an_unsent_request_is_not_used_again() -> None:
    connections = 0

    async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(SIZED.replace(b"200 OK", b"413 Too Large"))
        await writer.drain()
        await asyncio.sleep(0.5)  # and reads no more
        writer.close()

    async def main() -> None:
        listening = await asyncio.start_server(answer_at_once, "127.0.0.1", 0, limit=2**10)
        plain = PlainConnections({}, 5.0)
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        assert [(await plain.send(url, body)).status for body in (b" " * 50_000_000, b"{}")] == [413, 413]
        plain.close()
        listening.close()
        await asyncio.sleep(0.6)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert connections == 2


def test_an_address_that_does_not_answer_is_left_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def work(connections: PlainConnections, url: str) -> None:
        loop = asyncio.get_running_loop()
        connect = loop.create_connection

        async def resolve(*_: object, **__: object) -> list[object]:
            port = int(url.split(":")[2].partition("/")[0])
            return [(socket.AF_INET, 1, 6, "", (host, port)) for host in ("192.0.2.1", "127.0.0.1")]

        async def slow(factory: Any, host: str, port: int, **more: Any) -> Any:
            asked.append(host)
            if host == "192.0.2.1":
                await asyncio.sleep(60)
            return await connect(factory, host, port, **more)

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        monkeypatch.setattr(loop, "create_connection", slow)
        connections._timeout = 0.2
        for _ in range(2):
            assert (await connections.send(url, b"{}")).raw == b"{}"

    use(Server(SIZED.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")), work)
    assert asked == ["192.0.2.1", "127.0.0.1", "127.0.0.1"]


def test_headers_of_the_user_come_first() -> None:
    server = Server(SIZED)

    async def work(connections: PlainConnections, url: str) -> None:
        await connections.send(f"{url}?api-version=1", b"{}")

    use(server, work, Authorization="Bearer k", accept="text/plain")
    lines = server.heads[0].decode().split("\r\n")
    assert lines[0] == "POST /v1/completions?api-version=1 HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert lines[2:4] == ["Authorization: Bearer k", "accept: text/plain"]
    assert lines[-3] == "Content-Length: 2"
    assert "Accept: */*" not in lines


def test_a_missing_server_is_no_connection() -> None:
    async def main() -> None:
        await PlainConnections({}, 5.0).send(f"http://127.0.0.1:{closed_port()}/v1", b"{}")

    with pytest.raises(NoConnection):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "headers", "expected"),
    [
        ("http://host/v1", {}, True),
        ("https://host/v1", {}, False),
        ("http://user:word@host/v1", {}, False),
        ("http://host/v1", {"connection": "close"}, False),
    ],
)
def test_what_aiohttp_has_to_do_is_left_to_it(url: str, headers: dict[str, str], expected: bool) -> None:
    async def main() -> bool:
        return PlainConnections(headers, 5.0).takes(url)

    assert asyncio.run(main()) is expected
