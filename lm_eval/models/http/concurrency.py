"""The number of requests in flight: a fixed number, or ``auto``, which adapts to the server.

``auto`` starts at 8 and doubles as long as doubling increases the answers per second by at least 15 percent. Then it
holds the number, and after every fourth window tries 50 percent more. HTTP 429, HTTP 503 and timeouts halve the number,
at most once per window. It stays between 1 and 256.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

__all__ = ["AutoLimit", "FixedLimit", "Gate"]

_START, _LOW, _HIGH = 8, 1, 256
_MIN_GAIN_OF_DOUBLING, _MIN_GAIN_OF_STEP = 1.15, 1.05
_STEP = 1.5
_WINDOWS_TO_HOLD = 4
_MAX_HISTORY = 200


class FixedLimit:
    """A number of requests in flight that the user chose."""

    def __init__(self, value: int) -> None:
        """Store the number.

        Args:
            value: Number of requests in flight.
        """
        self.value = value

    def answered(self) -> None:
        """Register an answer; changes nothing here."""

    def refused(self, reason: str) -> None:
        """Register a refusal; changes nothing here.

        Args:
            reason: What the server did: ``429``, ``503`` or ``timeout``.
        """

    def describe(self) -> dict[str, object]:
        """Return the number, for the results file."""
        return {"mode": "fixed", "limit": self.value}


class AutoLimit(FixedLimit):
    """A number of requests in flight that grows while throughput grows and shrinks when the server refuses."""

    def __init__(
        self, start: int = _START, low: int = _LOW, high: int = _HIGH, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with a small number.

        Args:
            start: The first number of requests in flight.
            low: The minimum.
            high: The maximum.
            clock: Returns monotonic seconds.
        """
        super().__init__(start)
        self._low, self._high, self._clock = low, high, clock
        self._doubling = True
        self._best = 0.0
        self._previous = start
        self._trying = False
        self._held = 0
        self._refused_in_window = False
        self._began = clock()
        self.history: list[dict[str, object]] = []
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
        """Halve the number, at most once per window.

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

    def describe(self) -> dict[str, object]:
        """Return the number and its history, for the results file."""
        return {"mode": "auto", "limit": self.value, "bounds": [self._low, self._high], "history": self.history}

    def _close_window(self, rate: float) -> None:
        if self._refused_in_window:
            self._open_window()
        elif self._doubling:
            if rate >= self._best * _MIN_GAIN_OF_DOUBLING:
                self._best, self._previous = rate, self.value
                self._doubling = self.value < self._high
                self._set(self.value * 2, "throughput grew", rate)
            else:
                self._doubling = False
                self._set(self._previous, "doubling did not pay", rate)
        elif self._trying:
            self._trying = False
            if rate >= self._best * _MIN_GAIN_OF_STEP:
                self._best = rate
                self._set(self.value, "kept", rate)
            else:
                self._set(self._previous, "step did not pay", rate)
        else:
            self._best = rate
            self._held += 1
            if self._held >= _WINDOWS_TO_HOLD and self.value < self._high:
                self._held, self._trying, self._previous = 0, True, self.value
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
        seconds = round(self._clock() - self._began, 2)
        entry: dict[str, object] = {"seconds": seconds, "limit": self.value, "why": reason}
        if rate is not None and rate != float("inf"):
            entry["answers_per_second"] = round(rate, 2)
        if len(self.history) < _MAX_HISTORY:
            self.history.append(entry)
        else:
            self.history[-1] = entry

    def _open_window(self) -> None:
        # Requests in flight when the number changed say nothing about the new number: do not count their answers.
        self._refused_in_window = False
        self._window = max(self.value, 8)
        self._count = -self._window
        self._window_began = self._clock()


class Gate:
    """Admits at most as many callers as a limit says, in the order in which they came."""

    def __init__(self, limit: FixedLimit) -> None:
        """Start with nobody inside.

        Args:
            limit: Its ``value`` is the maximum number inside.
        """
        self.limit = limit
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_enter(self) -> bool:
        """Enter if there is room and nobody else waits.

        Returns:
            Whether the caller is inside.
        """
        if self.inside < self.limit.value and not self._waiting:
            self.inside += 1
            return True
        return False

    async def enter(self) -> None:
        """Wait for room, then enter."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Leave, and admit the next caller."""
        self.inside -= 1
        if self._waiting:
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self.inside < self.limit.value:
            turn = self._waiting.popleft()
            if not turn.done():
                self.inside += 1
                turn.set_result(None)
