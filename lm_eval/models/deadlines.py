"""One clock for all requests in flight: cheaper than a timer for each."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Deadlines"]


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
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[Any]:
        """Start the time of the current task.

        Returns:
            The task, for ``end``.
        """
        task = asyncio.current_task()
        assert task is not None
        self._begun[task] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)
        return task

    def end(self, task: asyncio.Task[Any]) -> bool:
        """Stop the time of a task.

        Args:
            task: What ``begin`` returned.

        Returns:
            Whether its time had run out; the cancellation it sees is then no one else's.
        """
        self._begun.pop(task, None)
        if task not in self._expired:
            return False
        self._expired.discard(task)
        if hasattr(task, "uncancel"):  # Python 3.11
            task.uncancel()
        return True

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        self._timer = None
        while self._begun:
            task, begun = next(iter(self._begun.items()))
            left = begun + self._seconds - now
            if left > 0:
                self._timer = self._loop.call_later(left, self._look)
                return
            del self._begun[task]
            self._expired.add(task)
            task.cancel()
