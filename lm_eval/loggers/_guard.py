"""Keeps a run alive when a logger fails: its calls have a thread of their own, a bounded time, and never raise.

One thread a logger, because clients keep their current run in thread-local or context variables; a daemon, because a
client that hangs can be left behind but not stopped.
"""

from __future__ import annotations

import functools
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, ClassVar, TypeVar, cast

from lm_eval.config.redact import redact

__all__ = ["SECONDS_VARIABLE", "Guarded", "abandoned", "guarded"]

eval_logger = logging.getLogger("lm_eval")
_now = time.monotonic
F = TypeVar("F", bound=Callable[..., Any])

SECONDS_VARIABLE = "LM_EVAL_LOGGER_SECONDS"
_TO_START, _TO_REPORT, _IN_A_HURRY = 120.0, 600.0, 20.0
_UNTIL_TOLD = 15.0
_FAILURES_IN_A_ROW = 3

abandoned: list[str] = []
"""Services whose clients hang; the handlers they left for the end of the process hang too."""


class _Job:
    """A call on its way through a logger's thread."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.action = action
        self.value: Any = None
        self.error: BaseException | None = None
        self._done = threading.Event()

    def do(self) -> None:
        try:
            self.value = self.action()
        except BaseException as error:  # a library's SystemExit must not end a run either
            self.error = error
        finally:
            self._done.set()

    def wait(self, seconds: float, what: str) -> bool:
        """Wait in slices, because an endless wait cannot be interrupted on every platform; True when it is done."""
        started, told = _now(), False
        while (waited := _now() - started) < seconds:
            if self._done.wait(min(0.5, seconds - waited)):
                return True
            if not told and waited > _UNTIL_TOLD:
                told = True
                eval_logger.info("Still waiting for %s, for up to %.0f seconds.", what, seconds)
        return self._done.is_set()


class Guarded:
    """A logger whose methods marked ``guarded`` log what they raise, and give up in time.

    Attributes:
        service: The service's name.
        failures: What failed, a sentence each.
    """

    service: ClassVar[str] = ""

    def __init__(self) -> None:
        """Start with nothing sent."""
        self.failures: list[str] = []
        self._closed = self._given_up = False
        self._in_a_row = 0
        self._deadline: float | None = None
        self._jobs: queue.SimpleQueue[_Job | None] | None = None

    def guard(
        self, step: str, action: Callable[[], Any], *, starting: bool = False, last: bool = False, hurry: bool = False
    ) -> Any:
        """Make a call in the logger's thread.

        Args:
            step: Its name, for messages.
            action: The call.
            starting: Whether it opens the service; when it fails nothing else is sent. Its time is its own, that of
                all others is counted together.
            last: Whether it closes the service; it is made also when other calls failed.
            hurry: Whether somebody waits for the process to end.

        Returns:
            What the call returned; None when it failed or was not made.

        Raises:
            KeyboardInterrupt: The user's.
        """
        if self._closed or (self._given_up and not last):
            return None
        seconds = self._seconds(starting)
        seconds = min(seconds, _IN_A_HURRY) if hurry else seconds
        job = self._send(action)
        # What services print is no result of the run.
        with redirect_stdout(sys.stderr):
            done = job.wait(seconds, f"{self.service} ({step})")
        if last:
            self._close()
        if not done:
            abandoned.append(self.service)
            self._closed = True
            self._failed(step, f"no answer in {seconds:.0f} seconds ({SECONDS_VARIABLE} gives a logger more time)")
            return None
        if job.error is None:
            self._in_a_row = 0
            return job.value
        if isinstance(job.error, KeyboardInterrupt):
            raise job.error
        self._closed |= starting
        self._in_a_row += 1
        self._given_up = self._in_a_row >= _FAILURES_IN_A_ROW
        reason = self.safe(" ".join(str(job.error).split()))[:300]
        self._failed(step, f"{type(job.error).__name__}: {reason}")
        return None

    def safe(self, text: str) -> str:
        """Take secrets out of a message.

        Args:
            text: What a client said.

        Returns:
            The message without them.
        """
        return str(redact(text))

    def _failed(self, step: str, reason: str) -> None:
        self.failures.append(f"{step} failed: {reason.rstrip('.')}")
        eval_logger.error("%s: %s", self.service, self.failures[-1])
        if self._given_up and not self._closed:
            eval_logger.error("%s: given up after %d failures in a row.", self.service, self._in_a_row)

    def _seconds(self, starting: bool) -> float:
        limit = _limit()
        if starting:
            return min(limit, _TO_START)
        if self._deadline is None:
            self._deadline = _now() + limit
        return max(0.0, self._deadline - _now())

    def _send(self, action: Callable[[], Any]) -> _Job:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            threading.Thread(target=_work, args=(self._jobs,), name=f"lm-eval-{self.service}", daemon=True).start()
        job = _Job(action)
        self._jobs.put(job)
        return job

    def _close(self) -> None:
        self._closed = True
        if self._jobs is not None:
            self._jobs.put(None)


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.do()


def _limit() -> float:
    try:
        return float(os.environ.get(SECONDS_VARIABLE) or _TO_REPORT)
    except ValueError:
        return _TO_REPORT


def guarded(method: F) -> F:
    """Send a logger's method through its thread.

    Args:
        method: A method of a ``Guarded``.

    Returns:
        The method; it returns None when it failed or was not called.
    """

    @functools.wraps(method)
    def call(self: Guarded, *args: Any, **kwargs: Any) -> Any:
        return self.guard(method.__name__.lstrip("_"), functools.partial(method, self, *args, **kwargs))

    return cast("F", call)
