"""How long answers take, how many are made at once, and when there are too many requests."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque

from lm_eval.errors import ConfigError

__all__ = ["Latency", "RateLimit", "Slots"]


class Latency:
    """A time to wait before each answer: fixed, or normally distributed and seeded by the request."""

    def __init__(self, spec: float | str = 0, seed: int = 0) -> None:
        """Read the latency.

        Args:
            spec: Milliseconds, or ``"MEAN:SD"``.
            seed: Another seed gives other times.

        Raises:
            ConfigError: It does not read.
        """
        mean, _, deviation = str(spec).partition(":")
        try:
            self.mean, self.deviation = float(mean) / 1000, float(deviation or 0) / 1000
        except ValueError:
            raise ConfigError(f"Latency {spec!r} is neither milliseconds nor MEAN:SD.") from None
        if self.mean < 0 or self.deviation < 0:
            raise ConfigError(f"Latency {spec!r} is negative.")
        self._seed = seed

    def seconds(self, key: str) -> float:
        """Choose the time for a request.

        Args:
            key: The request's identity; the same key waits the same time.

        Returns:
            Seconds, never negative.
        """
        if not self.deviation:
            return self.mean
        return max(0.0, random.Random(f"{self._seed}/{key}").gauss(self.mean, self.deviation))


class Slots:
    """At most so many answers are made at one time; the others wait their turn."""

    def __init__(self, count: int = 0) -> None:
        """Make the slots.

        Args:
            count: How many; 0 for no limit.
        """
        self._free = asyncio.Semaphore(count) if count else None

    async def hold(self, seconds: float) -> None:
        """Take a slot for a time.

        Args:
            seconds: How long.
        """
        if self._free is None:
            if seconds:
                await asyncio.sleep(seconds)
            return
        async with self._free:
            await asyncio.sleep(seconds)


class RateLimit:
    """At most so many requests a minute, told in ``x-ratelimit-*`` headers as OpenAI does."""

    def __init__(self, requests_per_minute: float = 0, window: float = 60.0) -> None:
        """Set the limit.

        Args:
            requests_per_minute: The limit; 0 for none.
            window: Seconds over which requests are counted; the limit shrinks with it.
        """
        self.limit = int(requests_per_minute * window / 60)
        self.window = window
        self._times: deque[float] = deque()

    def take(self) -> tuple[dict[str, str], bool]:
        """Count a request.

        Returns:
            Headers for the answer, and whether it is within the limit.
        """
        if not self.limit:
            return {}, True
        now = time.monotonic()
        while self._times and now - self._times[0] >= self.window:
            self._times.popleft()
        allowed = len(self._times) < self.limit
        if allowed:
            self._times.append(now)
        wait = max(0.0, self.window - (now - self._times[0]))
        headers = {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.limit - len(self._times)),
            "x-ratelimit-reset-requests": f"{wait:.3f}s",
        }
        if not allowed:
            headers["retry-after"] = f"{wait:.3f}"
        return headers, allowed
