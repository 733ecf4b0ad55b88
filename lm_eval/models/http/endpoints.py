"""Where requests go: base URLs made regular, and the choice between several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lm_eval.config.redact import shown_url
from lm_eval.errors import ConfigError

__all__ = ["Endpoint", "EndpointSet", "parse_base_urls"]

_REST_AFTER = 3
_REST_FIRST, _REST_MOST = 1.0, 60.0


@dataclass(slots=True)
class Endpoint:
    """One base URL and what is known of it.

    Attributes:
        base: What API paths follow, such as ``http://host:8000/v1``.
        shown: The same without credentials.
        root: The server's root, such as ``http://host:8000``.
        query: A query string every request carries, such as Azure's ``api-version``.
        outstanding: Requests sent, or about to be sent, and not answered.
        outstanding_tokens: An estimate of their tokens, where limits are known.
        requests: Requests sent.
        failures: Requests that failed.
        resume_at: When it may be asked again, on the clock of the set.
        streak: Failures in a row; set to 0 by an answer.
    """

    base: str
    root: str
    query: str = ""
    outstanding: int = 0
    outstanding_tokens: int = 0
    requests: int = 0
    failures: int = 0
    resume_at: float = 0.0
    streak: int = field(default=0, repr=False)
    rest: float = field(default=0.0, repr=False)
    shown: str = field(init=False, default="")
    _urls: dict[str, str] = field(default_factory=dict, repr=False)

    def url(self, path: str) -> str:
        """Build the URL of a call.

        Args:
            path: ``/completions`` follows the base, ``//tokenize`` the root.

        Returns:
            The URL.
        """
        known = self._urls.get(path)
        if known is None:
            url = self.root + path[1:] if path.startswith("//") else self.base + path
            known = self._urls[path] = f"{url}?{self.query}" if self.query else url
        return known

    def __post_init__(self) -> None:
        """Work out what may be shown, once."""
        self.shown = shown_url(self.base)


def parse_base_urls(base_url: str | Sequence[str], path: str) -> list[Endpoint]:
    """Read one or more base URLs, written with or without ``/v1`` and the API's path.

    Args:
        base_url: ``URL``, ``URL1;URL2``, or a list.
        path: The API's path, such as ``/completions``; empty when the URL is asked exactly as given.

    Returns:
        An endpoint a URL, in the order given.

    Raises:
        ConfigError: A URL that is none.
    """
    urls = base_url.split(";") if isinstance(base_url, str) else list(base_url)
    endpoints = [_parse(url.strip(), path) for url in urls if url.strip()]
    if not endpoints:
        raise ConfigError("base_url is empty; give the server's URL, such as base_url=http://127.0.0.1:8000/v1.")
    return endpoints


def _parse(url: str, path: str) -> Endpoint:
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"base_url {shown_url(url)!r} is not a URL; write it as http://HOST:PORT/v1.")
    where = parts.path.rstrip("/")
    if path:
        for suffix in ("/chat/completions", "/completions"):
            if where.endswith(suffix):
                where = where[: -len(suffix)]
                break
        else:
            where = where or "/v1"
    root = where[: -len("/v1")] if where.endswith("/v1") else where
    base, root = (urlunsplit((parts.scheme, parts.netloc, place, "", "")) for place in (where, root))
    return Endpoint(base=base, root=root, query=parts.query)


class EndpointSet:
    """Chooses the endpoint with the fewest requests outstanding, and sets a failing one aside for a while."""

    def __init__(self, endpoints: Sequence[Endpoint], clock: Callable[[], float] = time.monotonic) -> None:
        """Start with every endpoint in use.

        Args:
            endpoints: At least one.
            clock: Seconds that only grow.
        """
        self.endpoints = list(endpoints)
        self._clock = clock
        self.identity = ";".join(sorted({endpoint.shown for endpoint in self.endpoints}))

    def pick(self) -> Endpoint:
        """Choose where the next request goes.

        Returns:
            The endpoint with the fewest outstanding requests among those not set aside; when all are, the one that
            comes back first.
        """
        if len(self.endpoints) == 1:
            return self.endpoints[0]
        now = self._clock()
        ready = [endpoint for endpoint in self.endpoints if endpoint.resume_at <= now]
        if not ready:
            return min(self.endpoints, key=lambda endpoint: endpoint.resume_at)
        return min(ready, key=lambda endpoint: (endpoint.outstanding, endpoint.requests))

    def another_ready(self, attempts: int) -> bool:
        """Tell whether a call that failed can go to another endpoint at once.

        Args:
            attempts: How often it was sent.

        Returns:
            True while there are endpoints it was not yet sent to and one of them is not set aside.
        """
        return attempts < len(self.endpoints) and self.pick().resume_at <= self._clock()

    def failed(self, endpoint: Endpoint, *, unreachable: bool) -> None:
        """Note a failure; after three in a row, or at once when there is no connection, the endpoint rests.

        Args:
            endpoint: The one that failed.
            unreachable: Whether no connection was made at all.
        """
        endpoint.failures += 1
        endpoint.streak += 1
        now = self._clock()
        if len(self.endpoints) > 1 and endpoint.resume_at <= now and (unreachable or endpoint.streak >= _REST_AFTER):
            endpoint.rest = min(_REST_MOST, endpoint.rest * 2 or _REST_FIRST) if endpoint.streak > 1 else _REST_FIRST
            endpoint.resume_at = now + endpoint.rest

    def pause(self, endpoint: Endpoint, seconds: float) -> None:
        """Ask nothing of an endpoint for a while because it said so.

        Args:
            endpoint: The one that asked for it.
            seconds: How long.
        """
        endpoint.resume_at = max(endpoint.resume_at, self._clock() + seconds)

    def wait(self, endpoint: Endpoint) -> float:
        """Tell how long an endpoint is still to be left alone.

        Args:
            endpoint: The chosen one.

        Returns:
            Seconds, 0 when it may be asked now.
        """
        return max(0.0, endpoint.resume_at - self._clock()) if endpoint.resume_at else 0.0

    def describe(self) -> list[dict[str, Any]]:
        """Return the counts of each endpoint, without credentials."""
        return [
            {"url": endpoint.shown, "requests": endpoint.requests, "failures": endpoint.failures}
            for endpoint in self.endpoints
        ]
