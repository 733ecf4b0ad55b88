"""Sends one request and reads one answer; whatever goes wrong becomes an error of this package."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval.config.redact import Redactor, shown_url
from lm_eval.errors import (
    APIError,
    ConfigError,
    ConnectionBroken,
    EndpointUnreachable,
    MalformedResponse,
    RequestTimeout,
)
from lm_eval.models.http.deadlines import Deadlines
from lm_eval.models.http.proxies import proxy_for
from lm_eval.models.http.replies import error_for_body, error_for_status
from lm_eval.models.http.tls import make_context, what_failed

if TYPE_CHECKING:
    from types import TracebackType

    import aiohttp

__all__ = ["Transport", "TransportSettings", "decode", "encode"]

_READ_BUFFER = 2**20
_compact = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_raw_decode = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """How connections are made.

    Attributes:
        timeout: Seconds for a whole answer.
        connect_timeout: Seconds for a connection.
        verify_certificate: Whether the server's certificate is checked.
        ca_cert_path: A file of certificates to trust.
        client_cert: The client's certificate.
        client_key: Its key, when it is not in the same file.
        headers: Sent with every request.
    """

    timeout: float = 300.0
    connect_timeout: float = 10.0
    verify_certificate: bool = True
    ca_cert_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _fastest_parser() -> Callable[[bytes], Any]:
    try:
        loads: Callable[[bytes], Any] = importlib.import_module("orjson").loads
    except ImportError:
        return _standard
    return loads


def _standard(raw: bytes) -> Any:
    text = raw.decode()
    value, end = _raw_decode(text)
    if end != len(text) and text[end:].strip():
        raise ValueError("There is more after the JSON")
    return value


_parse = _fastest_parser()


def encode(payload: Mapping[str, Any]) -> bytes:
    """Turn a payload into the bytes that are sent and that the journal's key is made of.

    Args:
        payload: JSON-able; an empty one stands for a GET and gives no bytes.

    Returns:
        Compact JSON in UTF-8; in ASCII with escapes when the text holds lone surrogates.
    """
    if not payload:
        return b""
    try:
        return _compact(payload).encode()
    except UnicodeEncodeError:
        return json.dumps(payload, separators=(",", ":")).encode()


def decode(raw: bytes) -> Any:
    """Parse JSON, with orjson where it is installed.

    Args:
        raw: The JSON in UTF-8; NaN and lone surrogates, which only the standard library reads, are allowed.

    Returns:
        The value; the same with either parser, but for whole numbers beyond 64 bits.

    Raises:
        ValueError: It is none.
    """
    try:
        return _parse(raw)
    except ValueError:
        return json.loads(raw.decode())


class Transport:
    """An aiohttp session with this package's errors; an async context manager."""

    def __init__(self, settings: TransportSettings, redact: Redactor) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            settings: How connections are made.
            redact: Hides secrets in error texts.
        """
        self._settings, self._redact = settings, redact
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}

    async def __aenter__(self) -> Transport:
        import aiohttp
        from multidict import CIMultiDict

        settings = self._settings
        checks = make_context(
            settings.verify_certificate, settings.ca_cert_path, settings.client_cert, settings.client_key
        )
        # Neither the connector nor aiohttp's line limits may stand in the way: concurrency is the engine's business,
        # and some gateways send long headers.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=checks, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER,
            max_line_size=2**16,
            max_field_size=2**16,
        )
        self._deadlines = Deadlines(settings.timeout)
        self._headers = CIMultiDict(settings.headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._deadlines.close()
            await session.close()

    async def send(self, url: str, body: bytes) -> tuple[Any, bytes, Mapping[str, str]]:
        """POST a body, or GET when there is none, and read JSON.

        Args:
            url: The whole URL.
            body: JSON bytes; empty for a GET.

        Returns:
            The parsed JSON, the bytes it came as, and the headers.

        Raises:
            APIError: No usable answer.
        """
        import aiohttp

        session = self._session
        if session is None:
            raise RuntimeError("Transport is used outside 'async with'.")
        data = aiohttp.BytesPayload(body, content_type="application/json") if body else None
        deadline = self._deadlines.begin()
        try:
            # Reading to the end gives the connection back; a read that fails closes it.
            response = await session.request(
                "POST" if body else "GET",
                url,
                data=data,
                # Not the session's: aiohttp shows the headers of a session, the key with them, to a proxy.
                headers=self._headers,
                proxy=self._proxy(url),
                allow_redirects=False,
            )
            raw = await response.read()
            status, headers = response.status, response.headers
        except asyncio.CancelledError:
            if self._deadlines.end(deadline):
                raise RequestTimeout(
                    f"No complete answer within {self._settings.timeout:g} s", endpoint=shown_url(url),
                    advice="raise timeout= in model_args, or ask fewer at once",
                ) from None  # fmt: skip
            raise
        except asyncio.TimeoutError as error:
            advice = "check that the server runs and that host and port in base_url are right"
            raise EndpointUnreachable(
                f"No connection within {self._settings.connect_timeout:g} s", endpoint=shown_url(url), advice=advice
            ) from error
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"base_url {shown_url(url)!r} is not a URL.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken(url, error) from error
        finally:
            self._deadlines.end(deadline)
        if status >= 300:
            raise error_for_status(status, headers, raw, shown_url(url), self._redact)
        try:
            parsed = decode(raw)
        except (ValueError, RecursionError) as error:
            html = raw[:200].lstrip()[:1] == b"<"
            what = "sent HTML, not JSON" if html else "sent what is not JSON, or only a part of it"
            raise MalformedResponse(
                f"The endpoint {what}", status=status, endpoint=shown_url(url), body=self._redact(_start(raw)),
                advice="check that base_url points at the API" if html else "",
            ) from error  # fmt: skip
        if isinstance(parsed, dict) and parsed.get("error") and "choices" not in parsed:
            raise error_for_body(parsed["error"], shown_url(url), self._redact)
        return parsed, raw, headers

    def _proxy(self, url: str) -> str | None:
        """Find the proxy the environment names for a URL, once a URL."""
        if url not in self._proxies:
            proxy = self._proxies[url] = proxy_for(url)
            if proxy is not None:
                self._redact.add_url(proxy)
        return self._proxies[url]

    def _broken(self, url: str, error: BaseException) -> APIError:
        import aiohttp

        endpoint = shown_url(url)
        reason = self._redact(" ".join(str(error).split())[:200]) or type(error).__name__
        if (failed := what_failed(error)) is not None:
            return EndpointUnreachable(f"TLS failed: {failed[0]}", endpoint=endpoint, advice=failed[1])
        by_proxy = isinstance(error, aiohttp.ClientConnectorError) and self._proxies.get(url) is not None
        if by_proxy or isinstance(error, aiohttp.ClientHttpProxyError):
            return EndpointUnreachable(
                f"The proxy cannot be used ({reason})", endpoint=endpoint, advice="check HTTP_PROXY and HTTPS_PROXY"
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            advice = "check that the server runs and that host and port in base_url are right"
            return EndpointUnreachable(f"No connection ({reason})", endpoint=endpoint, advice=advice)
        # Some servers hang up on a client without a certificate and do not say why.
        silent = isinstance(error, aiohttp.ServerDisconnectedError) and url.startswith("https:")
        return ConnectionBroken(
            f"The connection broke before the answer was whole ({reason})", endpoint=endpoint,
            advice="if the server asks for a certificate of yours, give client_cert=FILE"
            if silent and self._settings.client_cert is None else "",
        )  # fmt: skip


def _start(raw: bytes) -> str:
    return raw[:2000].decode("utf-8", "replace")
