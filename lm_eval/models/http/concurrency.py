"""How many requests are in flight: a fixed number, or one that finds itself.

``auto`` starts at 8 and doubles as long as doubling lifts the answers a second by at least 15 percent. Then it holds,
and every few windows tries half as many again. A refusal (429, 503, a timeout) halves it, at most once a window. It
stays between 1 and 256.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["AutoLimit", "FixedLimit", "Gate"]

_START, _LOW, _HIGH = 8, 1, 256
_DOUBLING_PAYS, _STEP_PAYS = 1.15, 1.05
_STEP = 1.5
_WINDOWS_TO_HOLD = 4
_HISTORY = 200


class FixedLimit:
    """A number of requests the user chose."""

    def __init__(self, value: int) -> None:
        """Keep the number.

        Args:
            value: Requests in flight.
        """
        self.value = value

    def answered(self) -> None:
        """Take note of an answer; changes nothing."""

    def refused(self, reason: str) -> None:
        """Take note of a refusal; changes nothing.

        Args:
            reason: What the server did.
        """

    def describe(self) -> dict[str, Any]:
        """Return the number, for the results."""
        return {"mode": "fixed", "limit": self.value}


class AutoLimit(FixedLimit):
    """A number that grows while throughput grows and shrinks when the server refuses."""

    def __init__(
        self, start: int = _START, low: int = _LOW, high: int = _HIGH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin small.

        Args:
            start: Requests in flight at first.
            low: The fewest.
            high: The most.
            clock: Seconds that only grow.
        """
        super().__init__(start)
        self._low, self._high, self._clock = low, high, clock
        self._doubling = True
        self._best = 0.0
        self._before = start
        self._trying = False
        self._held = 0
        self._refused_in_window = False
        self._began = clock()
        self.history: list[dict[str, Any]] = []
        self._open_window()
        self._note("start")

    def answered(self) -> None:
        """Count an answer; at the end of a window the number may change."""
        self._count += 1
        if self._count == 0:
            self._window_began = self._clock()
        elif self._count >= self._window:
            elapsed = self._clock() - self._window_began
            self._close_window(self._count / elapsed if elapsed > 0 else float("inf"))

    def refused(self, reason: str) -> None:
        """Halve the number, at most once a window.

        Args:
            reason: What the server did, for the history.
        """
        if self._refused_in_window:
            return
        self._doubling = self._trying = False
        self._best = 0.0
        self._held = 0
        self._set(max(self._low, self.value // 2), reason)
        self._refused_in_window = True

    def describe(self) -> dict[str, Any]:
        """Return the number and how it came about, for the results."""
        return {"mode": "auto", "limit": self.value, "bounds": [self._low, self._high], "history": self.history}

    def _close_window(self, rate: float) -> None:
        if self._refused_in_window:
            self._open_window()
        elif self._doubling:
            if rate >= self._best * _DOUBLING_PAYS:
                self._best, self._before = rate, self.value
                self._doubling = self.value < self._high
                self._set(self.value * 2, "throughput grew", rate)
            else:
                self._doubling = False
                self._set(self._before, "doubling did not pay", rate)
        elif self._trying:
            self._trying = False
            if rate >= self._best * _STEP_PAYS:
                self._best = rate
                self._set(self.value, "kept", rate)
            else:
                self._set(self._before, "step did not pay", rate)
        else:
            self._best = rate
            self._held += 1
            if self._held >= _WINDOWS_TO_HOLD and self.value < self._high:
                self._held, self._trying, self._before = 0, True, self.value
                self._set(max(self.value + 1, int(self.value * _STEP)), "trying more", rate)
            else:
                self._open_window()

    def _set(self, value: int, reason: str, rate: float | None = None) -> None:
        value = min(max(value, self._low), self._high)
        if value != self.value:
            self.value = value
            self._note(reason, rate)
        self._open_window()

    def _note(self, reason: str, rate: float | None = None) -> None:
        entry: dict[str, Any] = {"seconds": round(self._clock() - self._began, 2), "limit": self.value, "why": reason}
        if rate is not None and rate != float("inf"):
            entry["answers_per_second"] = round(rate, 2)
        if len(self.history) < _HISTORY:
            self.history.append(entry)
        else:
            self.history[-1] = entry

    def _open_window(self) -> None:
        # Answers to what was in flight when the number changed say nothing about it: they are let pass first.
        self._refused_in_window = False
        self._window = max(self.value, 8)
        self._count = -self._window
        self._window_began = self._clock()


class Gate:
    """Lets as many in as a limit says, in the order they came."""

    def __init__(self, limit: FixedLimit) -> None:
        """Start empty.

        Args:
            limit: Says how many may be inside.
        """
        self.limit = limit
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_enter(self) -> bool:
        """Enter if there is room and nobody waits.

        Returns:
            Whether it worked.
        """
        if self.inside < self.limit.value and not self._waiting:
            self.inside += 1
            return True
        return False

    async def enter(self) -> None:
        """Wait for room and enter."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Make room."""
        self.inside -= 1
        if self._waiting:
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self.inside < self.limit.value:
            place = self._waiting.popleft()
            if not place.done():
                self.inside += 1
                place.set_result(None)
