"""How long answers take, how many are made at once, and when there are too many requests."""

from __future__ import annotations

import asyncio
import random
import time

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
    """At most so many requests a minute, told in ``x-ratelimit-*`` headers as OpenAI does.

    It is a bucket that holds the limit and fills up evenly; ``reset`` is the time until it is full again.
    """

    def __init__(self, requests_per_minute: float = 0, window: float = 60.0) -> None:
        """Set the limit.

        Args:
            requests_per_minute: The limit; 0 for none.
            window: Seconds in which an empty bucket is filled; the limit shrinks with it.
        """
        self.limit = int(requests_per_minute * window / 60)
        self.window = window
        self._left = float(self.limit)
        self._at = time.monotonic()

    def take(self) -> tuple[dict[str, str], bool]:
        """Count a request.

        Returns:
            Headers for the answer, and whether it is within the limit.
        """
        if not self.limit:
            return {}, True
        now = time.monotonic()
        self._left = min(self.limit, self._left + (now - self._at) * self.limit / self.window)
        self._at = now
        allowed = self._left >= 1
        if allowed:
            self._left -= 1
        headers = {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(int(self._left)),
            "x-ratelimit-reset-requests": f"{(self.limit - self._left) * self.window / self.limit:.3f}s",
        }
        if not allowed:
            headers["retry-after"] = f"{(1 - self._left) * self.window / self.limit:.3f}"
        return headers, allowed
