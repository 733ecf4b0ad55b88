"""Run a function in a child process of this one, and take over what it returns."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from collections.abc import Callable
from typing import TypeVar

from lm_eval.errors import TaskFileError

__all__ = ["can_fork", "in_child"]

T = TypeVar("T")


def can_fork() -> bool:
    """Whether the operating system can copy this process: not on Windows."""
    return hasattr(os, "fork")


def in_child(function: Callable[[], T]) -> T:
    """Run a function in a copy of this process, in whose main thread signals work.

    Args:
        function: The function. What it changes in memory is lost, except for what it returns.

    Returns:
        What the function returns, by pickle.

    Raises:
        TaskFileError: The child process ended early, or its result cannot be pickled.
        BaseException: Whatever the function raises.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork while other threads run
        pid = os.fork()
    if not pid:
        os.close(reading)
        _run(function, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not content:
        code = os.waitstatus_to_exitcode(status)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        raise TaskFileError(f"the process that scored the task ended {how}")
    finished, result = pickle.loads(content)
    if not finished:
        raise result
    found: T = result
    return found


def _run(function: Callable[[], object], writing: int) -> None:
    """Send what a function returns or raises, and end this process without its exit handlers."""
    try:
        try:
            result: tuple[bool, object] = (True, function())
        except BaseException as error:
            result = (False, error)
        try:
            content = pickle.dumps(result)
        except Exception as error:
            failure = TaskFileError(f"the scores cannot be sent between processes: {type(error).__name__}: {error}")
            content = pickle.dumps((False, failure))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)
