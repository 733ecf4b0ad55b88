"""Endpoints: parses base URLs, and chooses between several of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from lm_eval.config.redact import redact, shown_url
from lm_eval.errors import ConfigError

__all__ = ["Endpoint", "EndpointSet", "parse_base_urls"]

_FAILURES_BEFORE_PAUSE = 3
_FIRST_PAUSE, _MAX_PAUSE = 1.0, 60.0


@dataclass(slots=True)
class Endpoint:
    """One base URL, with its counters and its state.

    Attributes:
        base: The URL before API paths, such as ``http://host:8000/v1``.
        shown: The same URL without credentials.
        root: The root URL of the server, such as ``http://host:8000``.
        query: A query string that is added to every request, such as Azure's ``api-version``.
        exact: The URL of calls without a path of their own; empty for ``base``.
        outstanding: Number of requests that are sent, or about to be sent, and not answered yet.
        outstanding_tokens: An estimate of their tokens; 0 where no limits are known.
        requests: Number of requests sent.
        failures: Number of requests that failed.
        resume_at: Time before which no request is sent, on the clock of the set.
        failures_in_a_row: Number of failures since the last answer.
        pause: Length of the last pause, in seconds.
    """

    base: str
    root: str
    query: str = ""
    exact: str = ""
    outstanding: int = 0
    outstanding_tokens: int = 0
    requests: int = 0
    failures: int = 0
    resume_at: float = 0.0
    failures_in_a_row: int = field(default=0, repr=False)
    pause: float = field(default=0.0, repr=False)
    shown: str = field(init=False, default="")
    _urls: dict[str, str] = field(default_factory=dict, repr=False)

    def url(self, path: str) -> str:
        """Build the URL of a call.

        Args:
            path: ``/completions`` is added to the base, ``//tokenize`` to the root; empty for ``exact``.

        Returns:
            The URL.
        """
        if path not in self._urls:
            url = self.root + path[1:] if path.startswith("//") else self.base + path
            if not path and self.exact:
                url = self.exact
            self._urls[path] = f"{url}?{self.query}" if self.query else url
        return self._urls[path]

    def __post_init__(self) -> None:
        """Remove credentials from the URL that is shown."""
        self.shown = shown_url(self.exact or self.base)


def parse_base_urls(base_url: str | Sequence[str], path: str) -> list[Endpoint]:
    """Parse one or more base URLs, written with or without ``/v1`` and the API's path.

    Args:
        base_url: ``URL``, ``URL1;URL2``, or a list.
        path: The API's path, such as ``/completions``; empty to send requests to the URL exactly as given.

    Returns:
        One endpoint per URL, in the order given.

    Raises:
        ConfigError: A URL is not valid, or there is none.
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
    if valid and "@" in f"{parts.path}{parts.fragment}" and "/@" not in parts.path:
        valid = False
    if not valid or re.search(r"[\s\x00-\x1f\x7f]", url):
        encode = ""
        if "@" in url:
            encode = " In a user name or password, write / as %2F, # as %23, ? as %3F and @ as %40."
        raise ConfigError(
            f"The base_url {redact(shown_url(url))!r} is not a URL; write it as http://HOST:PORT/v1.{encode}"
        )
    prefix = parts.path.rstrip("/")
    exact, ends = prefix, prefix.endswith("/completions")
    if ends:  # The other APIs of the server are next to this one.
        prefix = prefix.removesuffix("/completions").removesuffix("/chat")
    elif path:
        prefix = prefix.removesuffix("/responses") if path == "/responses" else prefix
        prefix = prefix or "/v1"
    base, root, whole = (
        urlunsplit((parts.scheme, parts.netloc, url_path, "", ""))
        for url_path in (prefix, prefix.removesuffix("/v1"), exact)
    )
    return Endpoint(base=base, root=root, query=parts.query, exact=whole if ends and not path else "")


class EndpointSet:
    """Chooses the endpoint with the fewest outstanding requests, and pauses a failing endpoint."""

    def __init__(self, endpoints: Sequence[Endpoint], clock: Callable[[], float] = time.monotonic) -> None:
        """Start with all endpoints in use.

        Args:
            endpoints: At least one endpoint.
            clock: Returns monotonic seconds.
        """
        self.endpoints = list(endpoints)
        self._clock = clock
        self.identity = ";".join(sorted({endpoint.shown for endpoint in self.endpoints}))

    def pick(self) -> Endpoint:
        """Choose the endpoint of the next request.

        Returns:
            The endpoint with the fewest outstanding requests among those that are not paused; if all are paused, the
            one whose pause ends first.
        """
        if len(self.endpoints) == 1:
            return self.endpoints[0]
        now = self._clock()
        ready = [endpoint for endpoint in self.endpoints if endpoint.resume_at <= now]
        if not ready:
            return min(self.endpoints, key=lambda endpoint: endpoint.resume_at)
        return min(ready, key=lambda endpoint: (endpoint.outstanding, endpoint.requests))

    def another_ready(self, attempts: int) -> bool:
        """Say whether a call that failed can go to another endpoint at once.

        Args:
            attempts: How often the call was sent.

        Returns:
            True if the call was not yet sent to every endpoint and an endpoint is not paused.
        """
        return attempts < len(self.endpoints) and self.pick().resume_at <= self._clock()

    def failed(self, endpoint: Endpoint, *, unreachable: bool) -> None:
        """Count a failure; pause the endpoint after three in a row, or at once when there was no connection.

        Args:
            endpoint: The endpoint that failed.
            unreachable: Whether there was no connection at all.
        """
        endpoint.failures += 1
        endpoint.failures_in_a_row += 1
        now, in_a_row = self._clock(), endpoint.failures_in_a_row
        must_pause = unreachable or in_a_row >= _FAILURES_BEFORE_PAUSE
        if len(self.endpoints) > 1 and endpoint.resume_at <= now and must_pause:
            endpoint.pause = min(_MAX_PAUSE, endpoint.pause * 2 or _FIRST_PAUSE) if in_a_row > 1 else _FIRST_PAUSE
            endpoint.resume_at = now + endpoint.pause

    def all_fail(self, *, once: bool) -> bool:
        """Say whether every endpoint has failed since its last answer.

        Args:
            once: One failure of each is enough; otherwise three in a row are needed.

        Returns:
            Whether no endpoint seems to answer.
        """
        failures = 1 if once else _FAILURES_BEFORE_PAUSE
        return all(endpoint.failures_in_a_row >= failures for endpoint in self.endpoints)

    def is_back(self, endpoint: Endpoint) -> None:
        """Use an endpoint again at once, because it answers.

        Args:
            endpoint: The endpoint.
        """
        endpoint.failures_in_a_row, endpoint.resume_at = 0, 0.0

    def pause(self, endpoint: Endpoint, seconds: float) -> None:
        """Send nothing to an endpoint for some time, because it sent ``Retry-After``.

        Args:
            endpoint: The endpoint.
            seconds: Length of the pause.
        """
        endpoint.resume_at = max(endpoint.resume_at, self._clock() + seconds)

    def wait(self, endpoint: Endpoint) -> float:
        """Return the rest of an endpoint's pause.

        Args:
            endpoint: The endpoint.

        Returns:
            Seconds; 0 when a request may be sent at once.
        """
        return max(0.0, endpoint.resume_at - self._clock()) if endpoint.resume_at else 0.0

    def describe(self) -> list[dict[str, object]]:
        """Return the counters of each endpoint, without credentials."""
        return [
            {"url": endpoint.shown, "requests": endpoint.requests, "failures": endpoint.failures}
            for endpoint in self.endpoints
        ]
