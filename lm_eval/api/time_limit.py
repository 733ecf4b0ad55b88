"""A limit on the CPU time that the code of a task may take for a document: filters, templates, metrics, functions.

The limit is a timer of the operating system. Its signal interrupts Python code and the matching of regular
expressions, and only in the main thread. In another thread, ``lm_eval.results.per_doc`` scores in a child process. The
timer counts CPU time, so that a busy machine, or a program in the sandbox, uses up nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import ParamSpec, TypeVar

from lm_eval.errors import ConfigError, ScoringTimeout

__all__ = ["limited", "limiting", "seconds_per_document", "signals_work", "unlimited"]

T = TypeVar("T")
P = ParamSpec("P")

_DEFAULT_SECONDS = 30.0
_VARIABLE = "LM_EVAL_SCORING_TIMEOUT"
_REPEAT_SECONDS = 0.1
"""After the first signal, the timer repeats, because code of a task may swallow the exception."""

_active: float = 0.0
"""The limit in seconds within ``limiting``; 0 where nothing limits."""


def seconds_per_document() -> float:
    """Return the limit: ``LM_EVAL_SCORING_TIMEOUT`` in seconds, 30 by default; 0 sets no limit.

    Raises:
        ConfigError: The variable is not a number of seconds.
    """
    text = os.environ.get(_VARIABLE, "")
    with suppress(ValueError):
        seconds = float(text) if text else _DEFAULT_SECONDS
        if 0 <= seconds < 1e8:
            return seconds
    raise ConfigError(f"{_VARIABLE} is a number of seconds, at least 0; {text!r} is not.")


def signals_work() -> bool:
    """Whether a timer can interrupt this thread: the main thread, not on Windows."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def limiting(seconds: float) -> Iterator[None]:
    """Let ``limited`` limit the calls within this context, if signals work here.

    Args:
        seconds: CPU time for each call; 0 sets no limit.
    """
    global _active
    if not seconds or not signals_work():
        yield
        return
    before, outer = signal.signal(signal.SIGPROF, _stop), _active
    _active = seconds
    try:
        yield
    finally:
        _active = outer
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before or signal.SIG_DFL)


def limited(times: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function under the limit of the surrounding ``limiting``.

    Args:
        times: Number of documents that the call is about; the limit is multiplied by it.
        function: The function.
        *args: Its arguments.
        **kwargs: Its keyword arguments.

    Returns:
        What the function returns.

    Raises:
        ScoringTimeout: The call took longer.
    """
    if not _active:
        return function(*args, **kwargs)
    try:
        signal.setitimer(signal.ITIMER_PROF, _active * max(times, 1), _REPEAT_SECONDS)
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except ScoringTimeout:
        signal.setitimer(signal.ITIMER_PROF, 0)  # again, since the signal may have come before the line above
        raise


@contextmanager
def unlimited() -> Iterator[None]:
    """Stop the clock of the surrounding ``limited``, for work that is always slow, such as a neural network."""
    if not _active:
        yield
        return
    left, repeat = signal.setitimer(signal.ITIMER_PROF, 0)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_PROF, left, repeat)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise ScoringTimeout(_active)
