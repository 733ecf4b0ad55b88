"""An evaluation within a running event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import lm_eval
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.mock_server import MockServer
from tests.e2e.conftest import TASKS


def arguments(url: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "local-completions",
        "model_args": {"model": "mock", "base_url": url, "num_concurrent": 2},
        "tasks": "demo_numbers",
        "include_path": TASKS,
        "limit": 8,
        "bootstrap_iters": 0,
        "progress": False,
        **more,
    }


def test_the_loop_goes_on_while_an_evaluation_runs() -> None:
    async def work(url: str) -> tuple[dict[str, Any], int]:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.005)
                turns += 1

        counting = asyncio.create_task(count())
        results = await lm_eval.simple_evaluate_async(**arguments(url))
        counting.cancel()
        return results, turns

    with MockServer(latency_ms=20) as server:
        results, turns = asyncio.run(work(server.base_url))
        assert results["samples"] == lm_eval.simple_evaluate(**arguments(server.base_url))["samples"]
    assert turns > 3
    assert "<table>" in results._repr_html_()  # type: ignore[attr-defined]


def test_a_cancelled_evaluation_is_resumed(tmp_path: Path) -> None:
    async def cancelled(server: MockServer) -> None:
        task = asyncio.create_task(lm_eval.simple_evaluate_async(**arguments(server.base_url, output_path=tmp_path)))
        while sum(server.stats.statuses.values()) < 6:  # some answers of the run have come
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with MockServer(latency_ms=100) as server:
        asyncio.run(cancelled(server))
        assert not [thread for thread in threading.enumerate() if thread.name in ("lm-eval-engine", "lm-eval-journal")]
        assert list(tmp_path.glob(".journal/*.sqlite"))
        server.stats.reset()
        results = asyncio.run(
            lm_eval.simple_evaluate_async(**arguments(server.base_url, output_path=tmp_path)),
        )
        assert results["config"]["model_info"]["run"]["resumed_with_answers"] > 0
        assert results["n-samples"]["demo_numbers"]["effective"] == 8
        assert not list(tmp_path.glob(".journal/*.sqlite"))


def test_a_cancellation_does_not_wait_for_another_evaluation() -> None:
    async def work(url: str) -> float:
        first = asyncio.create_task(lm_eval.simple_evaluate_async(**arguments(url)))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(lm_eval.simple_evaluate_async(**arguments(url)))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.wait([second])
        assert second.cancelled()
        assert not first.done()
        first.cancel()
        await asyncio.wait([first])
        return time.monotonic()

    with MockServer(faults=["hang"] * 1000) as server:
        asyncio.run(work(server.base_url))


@pytest.mark.parametrize(
    ("more", "error"),
    [({"tasks": "no_such_task"}, UnknownNameError), ({"limit": -1}, ConfigError), ({"limits": 1}, TypeError)],
)
def test_a_mistake_is_raised_where_it_is_awaited(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        asyncio.run(lm_eval.simple_evaluate_async(**arguments("http://127.0.0.1:1", **more)))


def test_it_has_the_arguments_of_the_other() -> None:
    assert inspect.signature(lm_eval.simple_evaluate_async) == inspect.signature(lm_eval.simple_evaluate)
    assert inspect.iscoroutinefunction(lm_eval.simple_evaluate_async)
