"""What the server counted: requests, tokens, faults, how many at once."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lm_eval.mock_server.usage import Usage

__all__ = ["RequestRecord", "Stats"]


@dataclass
class RequestRecord:
    """One request that arrived.

    Attributes:
        number: Its place in the order of arrival, from 0, among requests of ``/v1/completions`` and
            ``/v1/chat/completions``; -1 for others.
        method: The HTTP method.
        path: The path.
        headers: The request's headers; upper and lower case do not matter in names.
        body: The JSON object sent; None when there was none.
        body_hash: A short hash of the raw body.
        attempt: How often this body had arrived before on this path.
        fault: The fault played, if any.
        status: The status answered; None while it is being answered, 0 when the connection was broken.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: dict[str, Any] | None
    body_hash: str
    attempt: int
    fault: str | None = None
    status: int | None = None


@dataclass
class Stats:
    """Counters of a server.

    Attributes:
        requests: Requests by path.
        bodies: Requests by hash of the body.
        statuses: Answers by status.
        faults: Faults played, by kind.
        prompt_tokens: Tokens of all prompts.
        cached_tokens: How many of them were in the prefix cache.
        completion_tokens: Tokens generated.
        images: Images received.
        in_flight: Requests being answered now.
        max_in_flight: The most at one time.
        peers: Where requests for an answer came from: address and port, one a connection.
        log: The last requests for an answer.
    """

    requests: Counter[str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    peers: set[Hashable] = field(default_factory=set, repr=False)
    log: deque[RequestRecord] = field(default_factory=deque, repr=False)

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())

    @property
    def asked(self) -> int:
        """Requests for an answer of the model: completions and chat."""
        return sum(count for path, count in self.requests.items() if path.endswith("/completions"))

    @property
    def distinct_bodies(self) -> int:
        """Different bodies among the requests for an answer."""
        return len(self.bodies)

    def enter(self) -> None:
        """Count a request in."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request out."""
        self.in_flight -= 1

    def add_usage(self, usage: Usage) -> None:
        """Count an answer's tokens.

        Args:
            usage: The answer's counts.
        """
        self.prompt_tokens += usage.prompt_tokens
        self.cached_tokens += usage.cached_tokens
        self.completion_tokens += usage.completion_tokens

    def reset(self) -> None:
        """Start counting anew."""
        for counter in (self.requests, self.bodies, self.statuses, self.faults):
            counter.clear()
        self.log.clear()
        self.peers.clear()
        self.prompt_tokens = self.cached_tokens = self.completion_tokens = self.images = 0
        self.max_in_flight = self.in_flight

    def as_json(self, *, bodies: bool = False) -> dict[str, Any]:
        """Write the counters.

        Args:
            bodies: List the count of every body, too.

        Returns:
            A JSON object.
        """
        found: dict[str, Any] = {
            "total": self.total,
            "asked": self.asked,
            "distinct_bodies": self.distinct_bodies,
            "requests": dict(self.requests),
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "faults": dict(self.faults),
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "images": self.images,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": len(self.peers),
        }
        if bodies:
            found["bodies"] = dict(self.bodies)
        return found


def hash_body(path: str, raw: bytes) -> str:
    """Name a request body.

    Args:
        path: The path it was sent to.
        raw: The bytes.

    Returns:
        16 hexadecimal digits.
    """
    return hashlib.sha256(path.encode() + b"\0" + raw).hexdigest()[:16]
