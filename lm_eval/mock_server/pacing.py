"""How long an answer takes, how many are computed at once, and when there are too many requests."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AbstractAsyncContextManager, nullcontext

from lm_eval.errors import ConfigError

__all__ = ["Latency", "RateLimit", "Slots"]


class Latency:
    """The time to wait before each answer: fixed, or normally distributed and seeded by the request."""

    def __init__(self, spec: float | str = 0, seed: int = 0) -> None:
        """Read the latency.

        Args:
            spec: Milliseconds, or ``"MEAN:SD"``.
            seed: The seed of the random times.

        Raises:
            ConfigError: The latency is malformed or negative.
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
            key: Identifies the request; the same key always gives the same time.

        Returns:
            Seconds, never negative.
        """
        if not self.deviation:
            return self.mean
        return max(0.0, random.Random(f"{self._seed}/{key}").gauss(self.mean, self.deviation))


class Slots:
    """Limits how many answers are computed at once; the other requests wait."""

    def __init__(self, count: int = 0) -> None:
        """Set the limit.

        Args:
            count: The maximum number of answers at once; 0 for no limit.
        """
        self._free = asyncio.Semaphore(count) if count else None

    @property
    def place(self) -> AbstractAsyncContextManager[None]:
        """One slot, which is occupied as long as the context is open."""
        return nullcontext() if self._free is None else self._free

    async def hold(self, seconds: float) -> None:
        """Wait for a free slot, and occupy it.

        Args:
            seconds: How long the slot is occupied.
        """
        if self._free is None:
            if seconds:
                await asyncio.sleep(seconds)
            return
        async with self._free:
            await asyncio.sleep(seconds)


class RateLimit:
    """Limits the request rate, and reports the limit in ``x-ratelimit-*`` headers as OpenAI does.

    The limit is a token bucket that refills continuously; ``reset`` is the time until the bucket is full.
    """

    def __init__(self, requests_per_minute: float = 0, window: float = 60.0) -> None:
        """Set the limit.

        Args:
            requests_per_minute: The limit; 0 for no limit.
            window: Seconds in which an empty bucket refills. The size of the bucket is proportional to the window.
        """
        self.limit = int(requests_per_minute * window / 60)
        self.window = window
        self._tokens = float(self.limit)
        self._updated_at = time.monotonic()

    def take(self) -> tuple[dict[str, str], bool]:
        """Count a request.

        Returns:
            Headers for the answer, and whether the request is within the limit.
        """
        if not self.limit:
            return {}, True
        now = time.monotonic()
        self._tokens = min(self.limit, self._tokens + (now - self._updated_at) * self.limit / self.window)
        self._updated_at = now
        allowed = self._tokens >= 1
        if allowed:
            self._tokens -= 1
        headers = {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(int(self._tokens)),
            "x-ratelimit-reset-requests": f"{(self.limit - self._tokens) * self.window / self.limit:.3f}s",
        }
        if not allowed:
            headers["retry-after"] = f"{(1 - self._tokens) * self.window / self.limit:.3f}"
        return headers, allowed
