"""What the server counts: requests, tokens, faults, concurrency."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.token_counts import TokenCounts

__all__ = ["RequestRecord", "Stats"]


@dataclass
class RequestRecord:
    """One request that arrived.

    Attributes:
        number: The position in the order of arrival, from 0, among the requests for an answer of the model.
        method: The HTTP method.
        path: The path.
        headers: The headers; lookup by name ignores upper and lower case.
        body: The JSON object sent; None if there was none.
        body_hash: A short hash of the raw body.
        attempt: The number of earlier requests with this body on this path.
        fault: The fault that was produced; None for a good answer.
        status: The HTTP status of the answer; None before the answer, 0 if the connection was broken.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: JsonObject | None
    body_hash: str
    attempt: int
    fault: str | None = None
    status: int | None = None


@dataclass
class Stats:
    """Counters of a server.

    Attributes:
        requests: Requests by path.
        bodies: Requests by hash of path and body.
        statuses: Answers by status.
        faults: Faults produced, by kind.
        prompt_tokens: Tokens of all prompts.
        cached_tokens: The number of prompt tokens that were in the prefix cache.
        completion_tokens: Tokens generated.
        images: Images received.
        paid_lines: Lines of batches that were answered.
        in_flight: Requests that are being answered.
        max_in_flight: The maximum of ``in_flight``.
        peers: The client addresses and ports of requests for an answer: one per connection.
        log: The last requests for an answer, oldest first.
    """

    requests: Counter[str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    images: int = 0
    paid_lines: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    peers: set[Hashable] = field(default_factory=set, repr=False)
    log: deque[RequestRecord] = field(default_factory=deque, repr=False)

    @property
    def total(self) -> int:
        """The number of all requests."""
        return sum(self.requests.values())

    @property
    def asked(self) -> int:
        """The number of requests for an answer of the model: completions and chat."""
        return sum(count for path, count in self.requests.items() if path.endswith("/completions"))

    @property
    def distinct_bodies(self) -> int:
        """The number of different bodies among the requests for an answer."""
        return len(self.bodies)

    def enter(self) -> None:
        """Count a request that arrives."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self) -> None:
        """Count a request that ends."""
        self.in_flight -= 1

    def add_counts(self, counts: TokenCounts) -> None:
        """Add the token counts of an answer.

        Args:
            counts: The counts.
        """
        self.prompt_tokens += sum(counts.prompts)
        self.cached_tokens += counts.cached
        self.completion_tokens += counts.completion

    def reset(self) -> None:
        """Set all counters to zero."""
        for counter in (self.requests, self.bodies, self.statuses, self.faults):
            counter.clear()
        self.log.clear()
        self.peers.clear()
        self.prompt_tokens = self.cached_tokens = self.completion_tokens = self.images = self.paid_lines = 0
        self.max_in_flight = self.in_flight

    def as_json(self, *, bodies: bool = False) -> JsonObject:
        """Write the counters.

        Args:
            bodies: Include the count of every body.

        Returns:
            A JSON object.
        """
        counters: JsonObject = {
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
            "paid_lines": self.paid_lines,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": len(self.peers),
        }
        if bodies:
            counters["bodies"] = dict(self.bodies)
        return counters


def hash_body(path: str, raw: bytes) -> str:
    """Hash the body of a request.

    Args:
        path: The path it was sent to.
        raw: The bytes.

    Returns:
        16 hexadecimal digits.
    """
    return hashlib.sha256(path.encode() + b"\0" + raw).hexdigest()[:16]
