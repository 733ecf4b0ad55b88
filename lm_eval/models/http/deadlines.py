"""Timeouts of requests: one timer for all requests in flight is cheaper than one timer per request."""

from __future__ import annotations

import asyncio
import sys
from collections import deque

__all__ = ["Deadline", "Deadlines"]

_RUNNING, _ENDED, _EXPIRED = range(3)
_MAX_ENDED = 4096
"""The queue is cleaned up when it is longer."""


class Deadline:
    """The time limit of one task; with slots, because one is created for every request.

    Attributes:
        task: The task that is cancelled when its time is over.
        began: Start time, on the clock of the event loop.
        state: Running, ended or expired.
    """

    __slots__ = ("began", "state", "task")

    def __init__(self, task: asyncio.Task[object], began: float) -> None:
        """Start the time.

        Args:
            task: The task.
            began: The time now, on the clock of the event loop.
        """
        self.task, self.began, self.state = task, began, _RUNNING


class Deadlines:
    """Cancels tasks that take longer than a fixed time.

    All tasks have the same time limit, so the one that began first expires first, and one timer is enough.
    """

    def __init__(self, seconds: float) -> None:
        """Start without tasks; needs a running event loop.

        Args:
            seconds: Time limit of each task.
        """
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._begun: deque[Deadline] = deque()
        self._max_length = _MAX_ENDED
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """Start the time of the current task.

        Returns:
            The deadline to pass to ``end``.
        """
        begun = self._begun
        while begun and begun[0].state == _ENDED:
            begun.popleft()
        if len(begun) > self._max_length:
            # A slow task at the front keeps the ended ones behind it in the queue.
            self._begun = begun = deque(deadline for deadline in begun if deadline.state != _ENDED)
            self._max_length = max(_MAX_ENDED, 2 * len(begun))
        # Pass the loop explicitly: before Python 3.12, `current_task()` without it calls `os.getpid()` every time.
        task = asyncio.current_task(self._loop)
        assert task is not None
        deadline = Deadline(task, self._loop.time())
        begun.append(deadline)
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._expire)
        return deadline

    def end(self, deadline: Deadline) -> bool:
        """Stop the time of a task.

        Args:
            deadline: The result of ``begin``.

        Returns:
            Whether the time was over; then this class cancelled the task, and nobody else.
        """
        expired = deadline.state == _EXPIRED
        deadline.state = _ENDED
        if expired and sys.version_info >= (3, 11):
            deadline.task.uncancel()
        return expired

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        now = self._loop.time()
        self._timer = None
        while self._begun:
            deadline = self._begun[0]
            if deadline.state == _RUNNING:
                left = deadline.began + self._seconds - now
                if left > 0:
                    self._timer = self._loop.call_later(left, self._expire)
                    return
                deadline.state = _EXPIRED
                deadline.task.cancel()
            self._begun.popleft()
