"""One clock for all requests in flight: cheaper than a timer for each."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

__all__ = ["Deadline", "Deadlines"]

_RUNNING, _ENDED, _EXPIRED = range(3)
_MOST = 4096

Deadline = list[Any]
"""A task, when its time began, and what became of it; a list, because one is made for every request."""


class Deadlines:
    """Cancels what takes longer than a fixed time.

    All requests have the same time, so the one that began first ends first, and one timer watches them all.
    """

    def __init__(self, seconds: float) -> None:
        """Watch nothing yet.

        Args:
            seconds: The time each task has.
        """
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._begun: deque[Deadline] = deque()
        self._most = _MOST
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """Start the time of the current task.

        Returns:
            What to give to ``end``.
        """
        begun = self._begun
        while begun and begun[0][2] == _ENDED:
            begun.popleft()
        if len(begun) > self._most:
            # A slow one in front holds up those that ended after it.
            self._begun = begun = deque(one for one in begun if one[2] != _ENDED)
            self._most = max(_MOST, 2 * len(begun))
        # Told the loop, Python before 3.12 need not find it, for which it asks the system for the process each time.
        deadline: Deadline = [asyncio.current_task(self._loop), self._loop.time(), _RUNNING]
        begun.append(deadline)
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        return deadline

    def end(self, deadline: Deadline) -> bool:
        """Stop the time of a task.

        Args:
            deadline: What ``begin`` returned.

        Returns:
            Whether its time had run out; the cancellation it sees is then no one else's.
        """
        expired: bool = deadline[2] == _EXPIRED
        deadline[2] = _ENDED
        if expired and hasattr(deadline[0], "uncancel"):  # Python 3.11
            deadline[0].uncancel()
        return expired

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        self._timer = None
        while self._begun:
            deadline = self._begun[0]
            task, began, state = deadline
            if state == _RUNNING:
                left = began + self._seconds - now
                if left > 0:
                    self._timer = self._loop.call_later(left, self._look)
                    return
                deadline[2] = _EXPIRED
                task.cancel()
            self._begun.popleft()
