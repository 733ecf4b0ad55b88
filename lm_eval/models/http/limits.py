"""Requests and tokens a minute: kept ahead of time, from the user's limits and from the server's headers."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Bucket", "Limits", "Told", "parse_duration"]

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SLOWEST, _EVEN = 1e-3, 1.5
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float | None:
    """Read ``20ms``, ``1.5s``, ``6m0s`` or plain seconds.

    Args:
        text: The duration.

    Returns:
        Seconds, or None when it is none.
    """
    text = text.strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            return None
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)


@dataclass(slots=True)
class Bucket:
    """A token bucket in which the future may be booked: the level goes below zero, and who books waits that long.

    Attributes:
        rate: What flows in, a second.
        capacity: The most it holds.
        level: What it holds.
        at: When the level was right.
    """

    rate: float
    capacity: float
    level: float
    at: float

    def take(self, amount: float, now: float) -> float:
        """Book an amount.

        Args:
            amount: How much.
            now: The time in seconds.

        Returns:
            Seconds to wait before it is there.
        """
        self._flow(now)
        self.level -= amount
        return -self.level / self.rate if self.level < 0 else 0.0

    def give_back(self, amount: float) -> None:
        """Correct an earlier booking.

        Args:
            amount: What was booked too much; negative when it was too little.
        """
        self.level = min(self.capacity, self.level + amount)

    def _flow(self, now: float) -> None:
        self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
        self.at = now


@dataclass(slots=True)
class Told:
    """One limit of an endpoint, as the headers of its answers tell it: how much remains, and when it is whole again.

    What is gone flows back evenly (a bucket, as OpenAI has it) or comes back all at once (a window). Headers do not say
    which, but where it flows, twice as much gone takes twice as long to be whole again. It is taken to flow until that
    is seen not to hold: a wrong guess costs a refusal, the other one could cost hours of waiting.

    Attributes:
        limit: The most that remains.
        level: What remains; below zero, the future is booked.
        at: When the level was right.
        whole_at: When the limit is whole again.
        span: The longest that ever took.
        rate: What flows back, a second; 0 where it comes all at once.
        first: How much was gone and how long it took to be whole again, the first time anything was.
    """

    limit: float
    level: float
    at: float
    whole_at: float
    span: float = 0.0
    rate: float = 0.0
    first: tuple[float, float] | None = None

    def learn(self, limit: float, remaining: float, reset: float | None, booked: float, now: float) -> None:
        """Take over what an answer said.

        Args:
            limit: The limit.
            remaining: What remained of it.
            reset: Seconds until it is whole again, if that was said.
            booked: What was booked that the endpoint may not have counted yet.
            now: The time in seconds.
        """
        gone = limit - remaining
        self.limit, self.level, self.at = max(limit, 1.0), remaining - booked, now
        if reset is None:
            self.rate = max(limit / 60, _SLOWEST)
            return
        self.whole_at, self.span = now + reset, max(self.span, reset)
        if gone <= 0 or reset <= 0:
            return
        pace = gone / reset
        if self.first is None:
            self.first, self.rate = (gone, reset), max(pace, _SLOWEST)
        elif not 0.5 < gone / self.first[0] < 2:
            even = 1 / _EVEN < pace * self.first[1] / self.first[0] < _EVEN
            self.rate = max(pace, _SLOWEST) if even else 0.0
        elif self.rate:
            self.rate = max(pace, _SLOWEST)

    def take(self, amount: float, now: float) -> float:
        """Book an amount.

        Args:
            amount: How much.
            now: The time in seconds.

        Returns:
            Seconds to wait before it is there.
        """
        span = self.span or 1.0
        if self.rate:
            self.level = min(self.limit, self.level + (now - self.at) * self.rate)
        elif now >= self.whole_at:
            times = 1 + (now - self.whole_at) // span
            self.level = min(self.limit, self.level + times * self.limit)
            self.whole_at += times * span
        self.at = now
        self.level -= amount
        if self.level >= 0:
            return 0.0
        if self.rate:
            return -self.level / self.rate
        return self.whole_at - now + (math.ceil(-self.level / self.limit) - 1) * span


class Limits:
    """Says how long each call must wait so that no limit is met."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the user's limits.

        Requests are spaced evenly, so that no window of 60 s holds more than the limit and one.

        Args:
            requests_per_minute: The most requests.
            tokens_per_minute: The most tokens, prompt and completion together.
            clock: Seconds that only grow.
        """
        self._clock = clock
        now = clock()
        self._requests = Bucket(requests_per_minute / 60, 1.0, 1.0, now) if requests_per_minute else None
        self._tokens = (
            Bucket(tokens_per_minute / 60, tokens_per_minute / 60, tokens_per_minute / 60, now)
            if tokens_per_minute
            else None
        )
        self._told: dict[tuple[str, str], Told] = {}
        self.waited = 0.0

    @property
    def active(self) -> bool:
        """Whether any limit is known."""
        return self._requests is not None or self._tokens is not None or bool(self._told)

    def book(self, endpoint: str, tokens: int) -> float:
        """Book one call.

        Args:
            endpoint: Where it goes.
            tokens: An estimate of its tokens.

        Returns:
            Seconds to wait before sending it.
        """
        now = self._clock()
        waits = [0.0]
        if self._requests is not None:
            waits.append(self._requests.take(1.0, now))
        if self._tokens is not None:
            waits.append(self._tokens.take(float(tokens), now))
        if self._told:
            for kind, amount in (("requests", 1.0), ("tokens", float(tokens))):
                told = self._told.get((endpoint, kind))
                if told is not None:
                    waits.append(told.take(amount, now))
        wait = max(waits)
        self.waited += wait
        return wait

    def settle(self, tokens: int, actual: int) -> None:
        """Correct the estimate of a call by what it really took.

        Args:
            tokens: The estimate that was booked.
            actual: What the endpoint counted.
        """
        if self._tokens is not None:
            self._tokens.give_back(float(tokens - actual))

    def learn(self, endpoint: str, headers: Mapping[str, str], requests: int, tokens: int) -> None:
        """Learn from ``x-ratelimit-limit-*``, ``-remaining-*`` and ``-reset-*``.

        Args:
            endpoint: Who sent them.
            headers: The answer's headers.
            requests: Requests booked that the server may not have counted yet.
            tokens: Their tokens.
        """
        for kind, booked in (("requests", requests), ("tokens", tokens)):
            remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
            if remaining is None:
                continue
            now = self._clock()
            told = self._told.get((endpoint, kind))
            if told is None:
                told = self._told[endpoint, kind] = Told(remaining, remaining, now, now)
            limit = _number(headers.get(f"x-ratelimit-limit-{kind}")) or max(told.limit, remaining)
            reset = parse_duration(headers.get(f"x-ratelimit-reset-{kind}") or "")
            told.learn(limit, remaining, reset, float(booked), now)


def _number(text: str | None) -> float | None:
    """Read a count; None for what is none, as for the -1 that some gateways send where there is no limit."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
