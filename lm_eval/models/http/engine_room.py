"""An engine that several threads use at once, for model classes that ask the pool from code of their own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeVar

from lm_eval.errors import LMEvalError, RunStopped

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["EngineRoom"]

T = TypeVar("T")
_SLICE = 0.5
"""Seconds of one wait: on some platforms an endless wait cannot be interrupted."""


class EngineRoom:
    """Runs coroutines on one engine, in a thread of its own; opened with the first of them."""

    def __init__(self, open_engine: Callable[[], AbstractAsyncContextManager[Engine]]) -> None:
        """Store how the engine is opened.

        Args:
            open_engine: Opens an engine.
        """
        self._open = open_engine
        self._lock, self._ready = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._closing: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[object]] = set()

    def do(self, make: Callable[[Engine], Coroutine[object, None, T]]) -> T:
        """Run a coroutine on the engine and wait for it; any number of threads may do so.

        Args:
            make: Creates the coroutine.

        Returns:
            Its result.

        Raises:
            RunStopped: A budget is spent.
            LMEvalError: As the coroutine raises it, or the engine cannot be opened.
        """
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lm-eval-engine-room", daemon=True)
                self._thread.start()
        while not self._ready.wait(_SLICE):
            pass
        engine, loop = self._engine, self._loop
        if engine is None or loop is None:
            raise self._failure or RunStopped("The run ended before this was answered")

        async def noted() -> T:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                return await make(engine)
            finally:
                self._tasks.discard(task)

        future = asyncio.run_coroutine_threadsafe(noted(), loop)
        while not future.done():
            concurrent.futures.wait([future], _SLICE)
        if future.cancelled():
            raise self._failure or RunStopped("The run ended before this was answered")
        return future.result()

    def close(self) -> None:
        """Cancel what is under way and close the engine."""
        if self._thread is not None:
            self._ready.wait()
            loop, closing = self._loop, self._closing
            if loop is not None and closing is not None and not loop.is_closed():
                loop.call_soon_threadsafe(closing.set)
            self._thread.join()

    def _work(self) -> None:
        try:
            asyncio.run(self._hold())
        except BaseException as error:
            self._failure = self._failure or error
        finally:
            self._ready.set()

    async def _hold(self) -> None:
        """Keep the engine open until ``close``, or until the engine itself ends the run."""
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._open() as engine:
                self._engine = engine
                self._ready.set()
                try:
                    await self._closing.wait()
                finally:
                    await self._cancel()
        except LMEvalError as error:
            self._failure = error
        finally:
            self._engine = None
            await self._cancel()

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
