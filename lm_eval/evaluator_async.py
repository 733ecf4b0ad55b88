"""``simple_evaluate`` for a running event loop, such as that of a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from lm_eval.evaluator import simple_evaluate
from lm_eval.models.http.runner import stopped_by

__all__ = ["simple_evaluate_async"]

P = ParamSpec("P")
R = TypeVar("R")
_one_at_a_time = threading.Lock()
"""An evaluation seeds generators that the whole process shares."""
_SLICE = 0.1
_Async = Callable[P, Coroutine[Any, Any, R]]


def _with_arguments_of(function: Callable[P, R]) -> Callable[[Callable[..., Coroutine[Any, Any, R]]], _Async[P, R]]:
    def same(asynchronous: Callable[..., Coroutine[Any, Any, R]]) -> _Async[P, R]:
        asynchronous.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return asynchronous

    return same


@_with_arguments_of(simple_evaluate)
async def simple_evaluate_async(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Evaluate a model on tasks, while the event loop goes on.

    The evaluation runs in a thread. Cancelling the awaiting task cancels the requests under way and waits until every
    answer that has come is stored; with ``output_path`` or ``use_cache`` the same call then resumes the run. While
    datasets are loaded, a cancellation waits. Evaluations of one process run one after the other.

    Args:
        *args: As for ``simple_evaluate``.
        **kwargs: As for ``simple_evaluate``.

    Returns:
        The results of ``simple_evaluate``.

    Raises:
        LMEvalError: As for ``simple_evaluate``.
        asyncio.CancelledError: The task was cancelled.
    """
    loop, stop = asyncio.get_running_loop(), threading.Event()
    ended: asyncio.Future[dict[str, Any]] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            while not _one_at_a_time.acquire(timeout=_SLICE):
                if stop.is_set():
                    raise KeyboardInterrupt
            try:
                with stopped_by(stop):
                    found = functools.partial(ended.set_result, simple_evaluate(*args, **kwargs))
            finally:
                _one_at_a_time.release()
        except BaseException as error:
            # A future takes no StopIteration, and an interrupt would end the event loop.
            reason = error if isinstance(error, Exception) else asyncio.CancelledError()
            found = functools.partial(ended.set_exception, reason)
        with contextlib.suppress(RuntimeError):  # the event loop is closed already
            loop.call_soon_threadsafe(found)

    threading.Thread(target=context.run, args=(work,), name="lm-eval-evaluation", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        stop.set()
        # A second cancellation must not leave the files of the run open either.
        while not ended.done():
            try:
                await asyncio.wait([ended])
            except asyncio.CancelledError:
                continue
        if not ended.cancelled():
            ended.exception()
        raise
