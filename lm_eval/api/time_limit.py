"""A limit on the CPU time that the code of a task may take for a document: filters, templates, metrics, functions.

The limit is a timer of the operating system. Its signal interrupts Python code and the matching of regular
expressions, and only in the main thread. In another thread, ``lm_eval.results.per_doc`` scores in a child process. The
timer counts CPU time, so that a busy machine, or a program in the sandbox, uses up nothing.

A signal cannot interrupt one long operation in C, such as a power of big integers. In a process that may be killed
(``limiting(kills=True)``), the kernel ends it a little later.
"""

from __future__ import annotations

import math
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

_SECONDS_BEFORE_KILL = 2
"""CPU time after the limit that the signal has for its effect, before the kernel ends the process."""

_active: float = 0.0
"""The limit in seconds within ``limiting``; 0 where nothing limits."""
_kills = False
"""Whether the kernel ends this process when the limit is passed without an effect of the signal."""


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
def limiting(seconds: float, *, kills: bool = False) -> Iterator[None]:
    """Let ``limited`` limit the calls within this context, if signals work here.

    Args:
        seconds: CPU time for each call; 0 sets no limit.
        kills: Whether the kernel may end this process, with SIGXCPU, 2 s of CPU time after the limit.
    """
    global _active, _kills
    if not seconds or not signals_work():
        yield
        return
    before, outer = signal.signal(signal.SIGPROF, _stop), (_active, _kills)
    _active, _kills = seconds, kills
    try:
        yield
    finally:
        _active, _kills = outer
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
    seconds = _active * max(times, 1)
    try:
        signal.setitimer(signal.ITIMER_PROF, seconds, _REPEAT_SECONDS)
        _kill_after(seconds)
        try:
            return function(*args, **kwargs)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            _kill_after(None)
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
    _kill_after(None)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_PROF, left, repeat)
            _kill_after(left)


def _kill_after(seconds: float | None) -> None:
    """Let the kernel end this process after a CPU time from now on, if it may; None takes that back."""
    if not _kills:
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    end = most if seconds is None else math.ceil(used.ru_utime + used.ru_stime + seconds) + _SECONDS_BEFORE_KILL
    if most != resource.RLIM_INFINITY:
        end = min(end, most)
    resource.setrlimit(resource.RLIMIT_CPU, (end, most))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise ScoringTimeout(_active)
