"""Runs a coroutine to its end from ordinary code, also where an event loop is already running."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["frozen_gc", "run"]

T = TypeVar("T")
_RARELY = (50_000, 20, 20)


def run(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in an event loop of its own, in a thread of its own.

    A thread of its own gives one behaviour everywhere: in a script, in a notebook whose loop is busy, and for Ctrl-C,
    which reaches the waiting thread and cancels the coroutine, whose ``finally`` blocks then run to their end.

    Args:
        make: Makes the coroutine.

    Returns:
        What the coroutine returned.

    Raises:
        BaseException: What the coroutine raised; KeyboardInterrupt once the coroutine has been cancelled.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []
    loop_and_task: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []
    done, cancelled = threading.Event(), threading.Event()

    async def drive() -> None:
        task = asyncio.ensure_future(make())
        loop_and_task.append((asyncio.get_running_loop(), task))
        if cancelled.is_set():
            task.cancel()
        outcome.append(await task)

    def work() -> None:
        try:
            asyncio.run(drive())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work, name="lm-eval-engine", daemon=True)
    try:
        # Inside, because Ctrl-C may come while this thread still waits for the other to begin.
        thread.start()
        _wait(done)
    except KeyboardInterrupt:
        cancelled.set()
        for loop, task in loop_and_task:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(task.cancel)
        while not done.wait(0.5) and thread.ident is not None:
            pass
        raise
    thread.join()
    if failure:
        try:
            raise failure[0]
        finally:
            failure.clear()
    return outcome[0]


def _wait(done: threading.Event) -> None:
    # In slices, because an endless wait cannot be interrupted on every platform.
    while not done.wait(0.5):
        pass


@contextlib.contextmanager
def frozen_gc() -> Iterator[None]:
    """Keep the garbage collector from walking over all documents and requests of a run again and again meanwhile.

    An answer is thousands of small objects without cycles, which set the collector off every few requests for nothing.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
