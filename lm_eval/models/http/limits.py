"""Rate limits: requests wait before they are sent, by the user's limits and by the server's headers."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Bucket", "Limits", "RateLimitHeaders", "parse_duration"]

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_MIN_RATE = 1e-3
_PACE_TOLERANCE = 1.5
"""Two measured refill rates count as the same if they differ by less than this factor."""
_MAX_SECONDS = 600.0
"""Maximum wait for what headers report, as for ``Retry-After``: some servers report a reset in days, or never."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float | None:
    """Parse ``20ms``, ``1.5s``, ``6m0s`` or plain seconds.

    Args:
        text: The duration.

    Returns:
        Seconds, or None if the text is not a duration.
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
    """A token bucket whose level may go below zero; a caller then waits until the bucket has refilled to zero.

    Attributes:
        rate: Refill per second.
        capacity: Maximum level.
        level: Level at the time ``at``.
        at: Time of the last update, in seconds.
    """

    rate: float
    capacity: float
    level: float
    at: float

    def take(self, amount: float, now: float) -> float:
        """Take an amount out of the bucket.

        Args:
            amount: The amount.
            now: The time in seconds.

        Returns:
            Seconds to wait before the amount is available.
        """
        self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
        self.at = now
        self.level -= amount
        return -self.level / self.rate if self.level < 0 else 0.0

    def give_back(self, amount: float) -> None:
        """Correct an earlier estimate.

        Args:
            amount: Estimate minus actual amount; negative when the estimate was too low.
        """
        self.level = min(self.capacity, self.level + amount)


@dataclass(slots=True)
class RateLimitHeaders(Bucket):
    """One limit of an endpoint, as the headers of its answers report it: how much remains, and when it resets.

    Quota refills either continuously (token bucket, as at OpenAI) or all at once (fixed window). Headers do not say
    which, but in a bucket the time to the reset grows in proportion to the used quota. A bucket is assumed until the
    headers contradict it: a wrong guess costs one HTTP 429, while wrongly assuming a window could cost hours.

    Attributes:
        rate: Refill per second; 0 for a fixed window.
        reset_at: Time at which the quota is complete again.
        longest_reset: Longest time to a reset that was ever reported, in seconds.
        first: Used quota and seconds to the reset, the first time that any quota was used.
    """

    reset_at: float = 0.0
    longest_reset: float = 0.0
    first: tuple[float, float] | None = None

    def learn(self, limit: float, remaining: float, reset: float | None, booked: float, now: float) -> None:
        """Update from the headers of an answer.

        Args:
            limit: The limit.
            remaining: Remaining quota.
            reset: Seconds until the quota is complete again; None if the headers do not say.
            booked: Quota of requests that the endpoint may not have counted yet.
            now: The time in seconds.
        """
        used = limit - remaining
        self.capacity, self.level, self.at = max(limit, 1.0), remaining - booked, now
        if reset is None:
            self.rate = max(limit / 60, _MIN_RATE)
            return
        self.reset_at, self.longest_reset = now + reset, max(self.longest_reset, reset)
        if used <= 0 or reset <= 0:
            return
        pace = used / reset
        if self.first is None:
            self.first, self.rate = (used, reset), max(pace, _MIN_RATE)
        elif not 0.5 < used / self.first[0] < 2:
            same_pace = 1 / _PACE_TOLERANCE < pace * self.first[1] / self.first[0] < _PACE_TOLERANCE
            self.rate = max(pace, _MIN_RATE) if same_pace else 0.0
        elif self.rate:
            self.rate = max(pace, _MIN_RATE)

    def take(self, amount: float, now: float) -> float:
        """Take an amount of the remaining quota.

        Args:
            amount: The amount.
            now: The time in seconds.

        Returns:
            Seconds to wait before the amount is available.
        """
        if self.rate:
            return Bucket.take(self, amount, now)
        window = self.longest_reset or 1.0
        if now >= self.reset_at:
            resets = 1 + (now - self.reset_at) // window
            self.level = min(self.capacity, self.level + resets * self.capacity)
            self.reset_at += resets * window
        self.at = now
        self.level -= amount
        if self.level >= 0:
            return 0.0
        return self.reset_at - now + (math.ceil(-self.level / self.capacity) - 1) * window


class Limits:
    """Says how long each request must wait so that no limit is exceeded.

    Attributes:
        waited: Seconds that requests have waited, in all.
        reason: Why the last request waits, if its endpoint's headers are the reason; empty otherwise.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the user's limits.

        Requests are spaced evenly, so that no window of 60 s holds more than the limit plus one.

        Args:
            requests_per_minute: Maximum number of requests per minute; None for no limit.
            tokens_per_minute: Maximum number of tokens per minute, prompt and completion together; None for no limit.
            clock: Returns monotonic seconds.
        """
        self._clock = clock
        now = clock()
        self._requests = Bucket(requests_per_minute / 60, 1.0, 1.0, now) if requests_per_minute else None
        self._tokens = (
            Bucket(tokens_per_minute / 60, tokens_per_minute / 60, tokens_per_minute / 60, now)
            if tokens_per_minute
            else None
        )
        self._reported: dict[tuple[str, str], RateLimitHeaders] = {}
        self.waited = 0.0
        self.reason = ""

    @property
    def active(self) -> bool:
        """Whether any limit is known."""
        return self._requests is not None or self._tokens is not None or bool(self._reported)

    def book(self, endpoint: str, tokens: int) -> float:
        """Take the quota of one request.

        Args:
            endpoint: The endpoint that it goes to.
            tokens: An estimate of its tokens.

        Returns:
            Seconds to wait before the request may be sent.
        """
        now = self._clock()
        waits, self.reason = [0.0], ""
        if self._requests is not None:
            waits.append(self._requests.take(1.0, now))
        if self._tokens is not None:
            waits.append(self._tokens.take(float(tokens), now))
        if self._reported:
            for kind, amount in (("requests", 1.0), ("tokens", float(tokens))):
                reported = self._reported.get((endpoint, kind))
                if reported is not None:
                    wait = min(reported.take(amount, now), _MAX_SECONDS)
                    if wait > max(waits):
                        self.reason = f"its x-ratelimit headers report no more {kind} until then"
                    waits.append(wait)
        wait = max(waits)
        self.waited += wait
        return wait

    async def reserve(self, endpoint: str, tokens: int) -> float:
        """Take the quota of one request, where another process may keep the limits.

        Args:
            endpoint: The endpoint that it goes to.
            tokens: An estimate of its tokens.

        Returns:
            Seconds to wait before the request may be sent.
        """
        return self.book(endpoint, tokens)

    def refused(self, endpoint: str, seconds: float | None) -> None:
        """Register an HTTP 429; changes nothing here, but other processes may learn from it.

        Args:
            endpoint: The endpoint that refused.
            seconds: Its ``Retry-After``.
        """

    def settle(self, tokens: int, actual: int) -> None:
        """Replace the estimated tokens of an answered request by the actual number.

        Args:
            tokens: The estimate that was booked.
            actual: The number that the endpoint counted.
        """
        self.give_back(float(tokens - actual))

    def give_back(self, tokens: float) -> None:
        """Correct estimates.

        Args:
            tokens: Estimated minus actual tokens; negative when the estimates were too low.
        """
        if self._tokens is not None:
            self._tokens.give_back(tokens)

    def learn(self, endpoint: str, headers: Mapping[str, str], requests: int, tokens: int) -> None:
        """Learn from ``x-ratelimit-limit-*``, ``-remaining-*`` and ``-reset-*``.

        Args:
            endpoint: The endpoint that sent the headers.
            headers: The answer's headers.
            requests: Number of booked requests that the server may not have counted yet.
            tokens: Estimated tokens of these requests.
        """
        for kind, booked in (("requests", requests), ("tokens", tokens)):
            remaining = _number(headers.get(f"x-ratelimit-remaining-{kind}"))
            if remaining is None:
                continue
            now = self._clock()
            reported = self._reported.get((endpoint, kind))
            if reported is None:
                reported = self._reported[endpoint, kind] = RateLimitHeaders(0.0, remaining, remaining, now, now)
            limit = _number(headers.get(f"x-ratelimit-limit-{kind}")) or max(reported.capacity, remaining)
            reset = parse_duration(headers.get(f"x-ratelimit-reset-{kind}", ""))
            reset = None if reset is None else min(reset, _MAX_SECONDS)
            reported.learn(limit, remaining, reset, float(booked), now)


def _number(text: str | None) -> float | None:
    """Parse a count; return None for anything else, such as the -1 that some gateways send for 'no limit'."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None
