"""Sends one request and reads one reply; every failure becomes an exception of this package."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict

from lm_eval.config.redact import Redactor, shown_url
from lm_eval.errors import (
    APIError,
    ConfigError,
    ConnectionBroken,
    EndpointUnreachable,
    MalformedResponse,
    RequestTimeout,
)
from lm_eval.models.http.assembly import BadStream, CutStream
from lm_eval.models.http.deadlines import Deadlines
from lm_eval.models.http.plain import MAX_LINE, READ_BUFFER, BadURL, NoConnection, PlainConnections
from lm_eval.models.http.proxies import proxy_for
from lm_eval.models.http.replies import error_for_status, failure_inside
from lm_eval.models.http.streamed_reply import StreamedReply, is_stream
from lm_eval.models.http.timing import Arrivals
from lm_eval.models.http.tls import make_context, what_failed

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Transport", "TransportSettings", "decode", "encode"]

_CHECK_SERVER = "check that the server runs and that host and port in base_url are right"
_compact = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_raw_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How connections are made.

    Attributes:
        timeout: Maximum seconds for a complete answer.
        connect_timeout: Maximum seconds for a connection.
        verify_certificate: Whether the server's certificate is checked.
        ca_cert_path: A file of certificates to trust.
        client_cert: The client's certificate.
        client_key: Its key, when it is not in the same file.
        headers: HTTP headers of every request.
    """

    timeout: float = 300.0
    connect_timeout: float = 10.0
    verify_certificate: bool = True
    ca_cert_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _fastest_parser() -> Callable[[bytes], object]:
    try:
        loads: Callable[[bytes], object] = importlib.import_module("orjson").loads
    except ImportError:
        return _standard
    return loads


def _standard(raw: bytes) -> object:
    text = raw.decode()
    value, end = _raw_decode(text)
    if end != len(text) and text[end:].strip():
        raise ValueError("There is more after the JSON")
    return value


_parse = _fastest_parser()
"""Chosen once, at import: whether orjson is installed does not change during a process."""


def encode(payload: Mapping[str, object]) -> bytes:
    """Turn a payload into the bytes that are sent, and that the journal's key is computed from.

    Args:
        payload: JSON values; an empty payload stands for a GET and gives no bytes.

    Returns:
        Compact JSON in UTF-8; in ASCII with escapes if the text has lone surrogates.
    """
    if not payload:
        return b""
    try:
        return _compact(payload).encode()
    except UnicodeEncodeError:
        return json.dumps(payload, separators=(",", ":")).encode()


def decode(raw: bytes) -> object:
    """Parse JSON, with orjson if it is installed.

    Args:
        raw: JSON in UTF-8; may have NaN and lone surrogates, which only the standard library parses.

    Returns:
        The value; both parsers return the same, except for integers beyond 64 bits.

    Raises:
        ValueError: The bytes are not JSON.
    """
    try:
        return _parse(raw)
    except ValueError:
        return json.loads(raw.decode())


class Transport:
    """Connections whose failures are this package's exceptions; an async context manager.

    Requests to ``http://`` servers go through ``PlainConnections`` where that is possible, all others through aiohttp.
    """

    def __init__(self, settings: TransportSettings, redact: Redactor) -> None:
        """Store the settings; opens nothing.

        Args:
            settings: How connections are made.
            redact: Removes secrets from error texts.
        """
        self._settings, self._redact = settings, redact
        self._open = False
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}
        self._are_plain: dict[str, bool] = {}
        self._closing: set[str] = set()

    async def __aenter__(self) -> Transport:
        settings = self._settings
        self._checks = make_context(
            settings.verify_certificate, settings.ca_cert_path, settings.client_cert, settings.client_key
        )
        self._deadlines = Deadlines(settings.timeout)
        self._headers = CIMultiDict(settings.headers)
        self._plain = PlainConnections(settings.headers, settings.connect_timeout)
        self._open = True
        return self

    def _aiohttp_session(self) -> aiohttp.ClientSession:
        """Return the session of aiohttp, which is not needed for every server."""
        if not self._open:
            raise RuntimeError("Transport is used outside 'async with'.")
        if self._session is None:
            # No limit of aiohttp: the engine limits concurrency.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._checks, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=READ_BUFFER,
                max_line_size=MAX_LINE,
                max_field_size=MAX_LINE,
            )
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._deadlines.close()
        self._plain.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self, url: str, body: bytes, arrivals: Arrivals | None = None
    ) -> tuple[object, bytes, Mapping[str, str]]:
        """POST a body, or GET if the body is empty, and read JSON.

        A reply that the server streams becomes the JSON that a whole one would have.

        Args:
            url: The complete URL.
            body: JSON bytes; empty for a GET.
            arrivals: Gets the times at which the pieces of a streamed reply arrive.

        Returns:
            The parsed JSON of the reply, its bytes, and its headers.

        Raises:
            APIError: There is no usable reply.
        """
        if not self._open:
            raise RuntimeError("Transport is used outside 'async with'.")
        headers: Mapping[str, str]
        reply: StreamedReply | None = None
        deadline = self._deadlines.begin()
        try:
            if arrivals is None and self._is_plain(url):
                answer = await self._plain.send(url, body)
                status, headers, raw = answer.status, answer.headers, answer.raw
            else:
                status, headers, raw, reply = await self._exchange(self._aiohttp_session(), url, body, arrivals)
        except asyncio.CancelledError:
            if self._deadlines.end(deadline):
                advice = "raise timeout= in model_args, or lower num_concurrent"
                what = f"No complete answer within {self._settings.timeout:g} s"
                raise RequestTimeout(what, endpoint=shown_url(url), advice=advice) from None
            raise
        except asyncio.TimeoutError as error:  # some are errors of aiohttp, too
            what = f"No connection within {self._settings.connect_timeout:g} s"
            raise EndpointUnreachable(what, endpoint=shown_url(url), advice=_CHECK_SERVER) from error
        except BadStream as error:
            raise self._bad_stream(url, error) from error
        except (BadURL, aiohttp.InvalidURL, UnicodeError) as error:
            raise ConfigError(f"base_url {shown_url(url)!r} is not a URL.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(url, error) from error
        finally:
            self._deadlines.end(deadline)
        if status >= 300:
            raise error_for_status(status, headers, raw, shown_url(url), self._redact)
        if reply is not None or is_stream(headers.get("Content-Type", "").partition(";")[0].strip(), raw[:10]):
            raw = self._whole(url, reply, raw)
        return self._parse(url, status, raw), raw, headers

    def _is_plain(self, url: str) -> bool:
        plain = self._are_plain.get(url)
        if plain is None:
            plain = self._are_plain[url] = self._plain.takes(url) and self._proxy(url) is None
        return plain

    async def _exchange(
        self, session: aiohttp.ClientSession, url: str, body: bytes, arrivals: Arrivals | None
    ) -> tuple[int, Mapping[str, str], bytes, StreamedReply | None]:
        """Send a request through aiohttp; return status, headers, and the body or the stream that was read."""
        data = aiohttp.BytesPayload(body, content_type="application/json") if body else None
        closes = arrivals is not None and url in self._closing
        # Reading to the end returns the connection to the pool; a failed read closes it.
        response = await session.request(
            "POST" if body else "GET",
            url,
            data=data,
            # Send headers per request: aiohttp would send session headers, including the API key, to the proxy.
            headers={**self._headers, "Connection": "close"} if closes else self._headers,
            proxy=self._proxy(url),
            allow_redirects=False,
        )
        if not (response.status < 300 and is_stream(response.content_type)):
            return response.status, response.headers, await response.read(), None
        reply = StreamedReply(decode, arrivals or Arrivals())
        if "llama.cpp" in response.headers.get("Server", ""):
            # It closes the connection after a stream without saying so, and breaks the next request on it.
            self._closing.add(url)
            if response.connection is not None and response.connection.protocol is not None:
                response.connection.protocol.force_close()
        await _read_stream(response, reply)
        return response.status, response.headers, b"", reply

    def _whole(self, url: str, reply: StreamedReply | None, raw: bytes) -> bytes:
        """Return the JSON of a streamed reply, also of one that was not recognised by its content type."""
        try:
            if reply is None:
                reply = StreamedReply(decode, Arrivals())
                reply.feed(raw)
            return encode(reply.body())
        except BadStream as error:
            raise self._bad_stream(url, error) from error
        except CutStream as error:
            what = f"The stream ended before the answer was complete ({error})"
            raise ConnectionBroken(what, endpoint=shown_url(url)) from error

    def _bad_stream(self, url: str, error: BadStream) -> MalformedResponse:
        body = self._redact(error.data[:2000].decode("utf-8", "replace"))
        what = f"The stream cannot be read: {error.args[0]}"
        return MalformedResponse(what, status=200, endpoint=shown_url(url), body=body)

    @asynccontextmanager
    async def transfer(self, method: str, url: str, data: object = None) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request whose body or reply is a file; its time has no limit as long as bytes arrive.

        Args:
            method: The HTTP method.
            url: The complete URL.
            data: The body, as aiohttp takes it.

        Yields:
            The response, with a status below 300.

        Raises:
            APIError: There is no usable reply.
        """
        session, settings = self._aiohttp_session(), self._settings
        limits = aiohttp.ClientTimeout(sock_connect=settings.connect_timeout, sock_read=max(settings.timeout, 60.0))
        try:
            async with session.request(
                method,
                url,
                data=data,
                headers=self._headers,
                proxy=self._proxy(url),
                allow_redirects=False,
                timeout=limits,
            ) as response:
                if response.status >= 300:
                    raw = await response.read()
                    raise error_for_status(response.status, response.headers, raw, shown_url(url), self._redact)
                yield response
        except asyncio.TimeoutError as error:
            raise RequestTimeout("The transfer of a file stands still", endpoint=shown_url(url)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(url, error) from error

    def _parse(self, url: str, status: int, raw: bytes) -> object:
        try:
            parsed = decode(raw)
        except (ValueError, RecursionError) as error:
            html = raw[:200].lstrip()[:1] == b"<"
            raise MalformedResponse(
                "The endpoint sent HTML, not JSON" if html else "The endpoint sent invalid or incomplete JSON",
                status=status,
                endpoint=shown_url(url),
                body=self._redact(raw[:2000].decode("utf-8", "replace")),
                advice="check that base_url points at the API" if html else "",
            ) from error
        failure = failure_inside(parsed, url, self._redact)
        if failure is not None:
            raise failure
        return parsed

    def _proxy(self, url: str) -> str | None:
        """Return the proxy for a URL; the environment is read once per URL."""
        if url not in self._proxies:
            proxy = self._proxies[url] = proxy_for(url)
            if proxy is not None:
                self._redact.add_url(proxy)
        return self._proxies[url]

    def _broken(self, url: str, error: BaseException) -> APIError:
        endpoint = shown_url(url)
        reason = self._redact(" ".join(str(error).split())[:200]) or type(error).__name__
        if (failed := what_failed(error)) is not None:
            return EndpointUnreachable(f"TLS failed: {failed[0]}", endpoint=endpoint, advice=failed[1])
        by_proxy = isinstance(error, aiohttp.ClientConnectorError) and self._proxies.get(url) is not None
        if by_proxy or isinstance(error, aiohttp.ClientHttpProxyError):
            return EndpointUnreachable(
                f"The proxy cannot be used ({reason})", endpoint=endpoint, advice="check HTTP_PROXY and HTTPS_PROXY"
            )
        if isinstance(error, (aiohttp.ClientConnectorError, NoConnection)):
            return EndpointUnreachable(f"No connection ({reason})", endpoint=endpoint, advice=_CHECK_SERVER)
        # Some servers close the connection to a client without a certificate, and do not say why.
        silent = isinstance(error, aiohttp.ServerDisconnectedError) and url.startswith("https:")
        certificate = silent and self._settings.client_cert is None
        advice = "if the server asks for a client certificate, give client_cert=FILE" if certificate else ""
        what = f"The connection broke before the answer was complete ({reason})"
        return ConnectionBroken(what, endpoint=endpoint, advice=advice)


async def _read_stream(response: aiohttp.ClientResponse, reply: StreamedReply) -> None:
    """Read a streamed reply to its end, also after the event that ends it: the connection is then used again."""
    try:
        async for piece in response.content.iter_any():
            reply.feed(piece)
    except BaseException as error:
        response.close()
        if not (reply.done and isinstance(error, aiohttp.ClientError)):
            raise
