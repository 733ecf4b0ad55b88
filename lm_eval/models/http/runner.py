"""Runs a coroutine from synchronous code, also where an event loop is already running."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["cancel", "frozen_gc", "run", "stopped_by"]

T = TypeVar("T")
_GC_THRESHOLDS = (50_000, 20, 20)
_under_way: dict[int, Callable[[], None]] = {}
"""Identifier of each thread that waits in ``run`` to what cancels its coroutine."""
_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)
_gc_lock = threading.Lock()
_gc_users: list[tuple[int, int, int]] = []
"""The thresholds before each of the runs that are under way in this process; the first are the process's own."""


def run(make: Callable[[], Coroutine[object, None, T]], *, fast: bool = False) -> T:
    """Run a coroutine in a new event loop, in a new thread.

    With a separate thread the call behaves alike in a script and in a notebook whose event loop is busy. Ctrl-C reaches
    the waiting thread, which cancels the coroutine and waits until its ``finally`` blocks have run.

    Args:
        make: Creates the coroutine.
        fast: Whether the loop is one of uvloop, where that is installed. A short request then takes less CPU time, but
            a failed TLS handshake is explained less well.

    Returns:
        The result of the coroutine.

    Raises:
        BaseException: The exception of the coroutine; KeyboardInterrupt after the coroutine has been cancelled.
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
            run_loop = _loop_runner() if fast else asyncio.run
            run_loop(drive())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    def stop() -> None:
        cancelled.set()
        for loop, task in loop_and_task:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(task.cancel)

    thread = threading.Thread(target=work, name="lm-eval-engine", daemon=True)
    caller = threading.get_ident()
    outer = _under_way.get(caller)
    _under_way[caller] = stop
    try:
        # Inside `try`, because Ctrl-C may come while this thread waits for the other one to start.
        thread.start()
        _wait(done)
    except KeyboardInterrupt:
        stop()
        while not done.wait(0.5) and thread.ident is not None:
            pass
        raise
    finally:
        del _under_way[caller]
        if outer is not None:
            _under_way[caller] = outer
    thread.join()
    if failure:
        try:
            raise failure[0]
        finally:
            failure.clear()
    return outcome[0]


def cancel(thread: threading.Thread) -> None:
    """Cancel the coroutine that a thread waits for in ``run``, which then raises ``CancelledError``.

    Args:
        thread: The thread; nothing happens if it does not wait.
    """
    stop = _under_way.get(thread.ident or 0)
    if stop is not None:
        stop()


def _loop_runner() -> Callable[[Coroutine[object, None, None]], None]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    found: Callable[[Coroutine[object, None, None]], None] = uvloop.run
    return found


def _wait(done: threading.Event) -> None:
    # Wait in slices: on some platforms an endless wait cannot be interrupted.
    stop = _stop.get()
    while not done.wait(0.5 if stop is None else 0.1):
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt


@contextlib.contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Let an event end whatever ``run`` waits for in this thread, as Ctrl-C does in the main thread.

    Args:
        stop: The event. Once it is set, ``run`` cancels its coroutine and raises KeyboardInterrupt.
    """
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


@contextlib.contextmanager
def frozen_gc() -> Iterator[None]:
    """Freeze existing objects (``gc.freeze``), so that collections during the run skip documents and requests.

    A reply consists of thousands of small objects without cycles. With the usual thresholds they would start a
    collection every few requests, for nothing.
    """
    with _gc_lock:
        _gc_users.append(gc.get_threshold())
        if len(_gc_users) == 1:
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
    try:
        yield
    finally:
        with _gc_lock:
            before = _gc_users.pop(0) if len(_gc_users) == 1 else _gc_users.pop()
            if not _gc_users:
                gc.set_threshold(*before)
                gc.unfreeze()
