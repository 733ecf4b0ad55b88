"""Keep a run alive when a service fails: calls to it run in another thread, for a limited time, and never raise.

Each service has one thread, because clients keep their current run in thread-local or context variables. It is a daemon
thread, because a client that hangs can be abandoned but not stopped.
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
from concurrent.futures import Future, wait
from contextlib import redirect_stdout
from typing import ClassVar, Concatenate, ParamSpec, TypeVar

from lm_eval.config.redact import hide_in_argv, redact
from lm_eval.loggers.hanging import abandon

__all__ = ["SECONDS_VARIABLE", "Guarded", "guarded"]

eval_logger = logging.getLogger("lm_eval")
_now = time.monotonic
P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="Guarded")

SECONDS_VARIABLE = "LM_EVAL_LOGGER_SECONDS"
_START_SECONDS, _REPORT_SECONDS, _HURRY_SECONDS = 120.0, 600.0, 20.0
_NOTICE_AFTER = 15.0
_MAX_FAILURES_IN_A_ROW = 3


class Guarded:
    """A service whose methods marked ``guarded`` log what they raise, and give up in time.

    Attributes:
        service: The service's name.
        failures: One sentence per failed call.
    """

    service: ClassVar[str] = ""

    def __init__(self) -> None:
        """Start with nothing sent. The client will find no secret in ``sys.argv``."""
        hide_in_argv()
        self.failures: list[str] = []
        self._closed = self._given_up = False
        self._in_a_row = 0
        self._deadline: float | None = None
        self._calls: queue.SimpleQueue[Callable[[], None] | None] | None = None

    def guard(
        self, step: str, action: Callable[[], T], *, starting: bool = False, last: bool = False, hurry: bool = False
    ) -> T | None:
        """Call a function in the service's thread.

        Args:
            step: The call's name, for messages.
            action: The function.
            starting: Whether the call opens the service; when it fails nothing else is sent. It has a time limit for
                itself (2 minutes), while all other calls share one (10 minutes).
            last: Whether the call closes the service; it happens even when other calls failed.
            hurry: Whether the user waits for the process to end; the limit is then 20 seconds.

        Returns:
            What the function returned; None when it failed or was not called.

        Raises:
            KeyboardInterrupt: The user interrupted the call.
        """
        if self._closed or (self._given_up and not last):
            return None
        seconds = self._seconds(starting)
        seconds = min(seconds, _HURRY_SECONDS) if hurry else seconds
        call = self._send(action)
        # Services print to stderr: stdout is for the results of the run.
        with redirect_stdout(sys.stderr):
            done = _wait(call, seconds, f"{self.service} ({step})")
        if last:
            self._close()
        if not done:
            abandon(self.service)
            self._closed = True
            self._failed(step, f"no answer in {seconds:.0f} seconds ({SECONDS_VARIABLE} gives a logger more time)")
            return None
        error = call.exception()
        if error is None:
            self._in_a_row = 0
            return call.result()
        if isinstance(error, KeyboardInterrupt):
            raise error
        self._closed |= starting
        self._in_a_row += 1
        self._given_up = self._in_a_row >= _MAX_FAILURES_IN_A_ROW
        reason = self.safe(" ".join(str(error).split()))[:300]
        self._failed(step, f"{type(error).__name__}: {reason}")
        return None

    def safe(self, text: str) -> str:
        """Mask the secrets in a message.

        Args:
            text: A client's message.

        Returns:
            The message with ``***`` for each secret.
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
            return min(limit, _START_SECONDS)
        if self._deadline is None:
            self._deadline = _now() + limit
        return max(0.0, self._deadline - _now())

    def _send(self, action: Callable[[], T]) -> Future[T]:
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            threading.Thread(target=_work, args=(self._calls,), name=f"lm-eval-{self.service}", daemon=True).start()
        call: Future[T] = Future()
        self._calls.put(lambda: _run(action, call))
        return call

    def _close(self) -> None:
        self._closed = True
        if self._calls is not None:
            self._calls.put(None)


def _work(calls: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (run := calls.get()) is not None:
        run()


def _run(action: Callable[[], T], call: Future[T]) -> None:
    try:
        call.set_result(action())
    except BaseException as error:  # also SystemExit of a library, which must not end the run
        call.set_exception(error)


def _wait(call: Future[T], seconds: float, what: str) -> bool:
    """Wait, in slices because some platforms cannot interrupt a long wait; return whether the call ended."""
    started, noticed = _now(), False
    while (waited := _now() - started) < seconds:
        if wait([call], min(0.5, seconds - waited)).done:
            return True
        if not noticed and waited > _NOTICE_AFTER:
            noticed = True
            eval_logger.info("Still waiting for %s, for up to %.0f seconds.", what, seconds)
    return call.done()


def _limit() -> float:
    try:
        return float(os.environ.get(SECONDS_VARIABLE) or _REPORT_SECONDS)
    except ValueError:
        return _REPORT_SECONDS


def guarded(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T | None]:
    """Run a service's method in the service's thread.

    Args:
        method: A method of a ``Guarded``.

    Returns:
        The method; it returns None when it failed or was not called.
    """

    @functools.wraps(method)
    def call(service: S, /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        return service.guard(method.__name__.lstrip("_"), lambda: method(service, *args, **kwargs))

    return call
