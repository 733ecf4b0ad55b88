"""A run on a Ray cluster; skipped where Ray is not installed. Everything but Ray itself is tested without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.errors import MissingPackageError
from lm_eval.launch import on_ray
from lm_eval.launch.distribute import distribute, tidy
from lm_eval.launch.on_ray import RayWorkers
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server import MockServer
from tests.e2e.killing import Witness, differences, saved, write_tasks


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"lm-eval-api\[ray\]"):
        RayWorkers(None, None, None)


class Away(Exception):
    """Stands for the errors of Ray that pass."""


def fakes(monkeypatch: pytest.MonkeyPatch, failures: int) -> tuple[Any, list[int]]:
    """Stand for Ray with an actor that fails some calls, and for the clock."""
    calls, now = list[int](), [0.0]

    def get(answer: int, timeout: float) -> int:
        calls.append(answer)
        if len(calls) <= failures:
            raise Away
        return answer

    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    errors = SimpleNamespace(ActorUnavailableError=Away, GetTimeoutError=Away)
    return SimpleNamespace(get=get, exceptions=errors), calls


def test_an_actor_that_is_out_of_reach_for_a_while_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ray, calls = fakes(monkeypatch, failures=5)
    assert on_ray._answer(ray, lambda: 7) == 7
    assert calls == [7] * 6


def test_an_actor_that_stays_out_of_reach_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    ray, calls = fakes(monkeypatch, failures=10_000)
    with pytest.raises(Away):
        on_ray._answer(ray, lambda: 7)
    assert 100 < len(calls) < 300


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_connection_that_a_busy_head_node_gives_up_is_made_once_more(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    tries: list[str] = []

    def init(**options: Any) -> None:
        tries.append(options["address"])
        if len(tries) <= failures:
            raise ConnectionAbortedError("Starting Ray client server failed.")

    workers = RayWorkers.__new__(RayWorkers)
    workers._ray = SimpleNamespace(init=init)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    if failures == 2:
        with pytest.raises(ConnectionAbortedError):
            workers._connect("ray://head")
    else:
        workers._connect("ray://head")
    assert len(tries) == min(failures + 1, 2)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of three nodes on this machine, each with one CPU."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (the extra ray)")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    found.others = [found.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
    # This process is on any of the three, and it would not outlive its own node.
    here = ray.get_runtime_context().get_node_id()
    found.others = [node for node in found.others if node.node_id != here]
    yield found
    ray.shutdown()
    found.shutdown()


@pytest.mark.filterwarnings("ignore")
def test_the_hub_is_on_the_node_of_the_run_so_that_it_outlives_all_others(cluster: Any) -> None:
    import ray

    workers = RayWorkers(None, None, None)
    try:
        there = ray.get(workers._hub.__ray_call__.remote(lambda hub: ray.get_runtime_context().get_node_id()))
    finally:
        workers.close()
    assert there == ray.get_runtime_context().get_node_id()


@pytest.mark.filterwarnings("ignore")
def test_a_run_goes_on_without_a_node(tmp_path: Path, cluster: Any) -> None:
    write_tasks(tmp_path / "tasks", 400)
    witness, kills = Witness(), list[float]()

    def settings(url: str, output: str, **more: Any) -> RunSettings:
        return RunSettings.from_record(
            {
                "model": "local-completions",
                "model_args": {"model": "mock", "base_url": url, "num_concurrent": 8},
                "tasks": ["killed_multiple_choice", "killed_generate_until"],
                "include_path": [str(tmp_path / "tasks")],
                "output_path": str(tmp_path / output),
                "log_samples": True,
                **more,
            }
        )

    def kill() -> None:
        while len(witness.answers) < 150:
            time.sleep(0.02)
        cluster.remove_node(cluster.others[0], allow_graceful=False)
        kills.append(time.monotonic())

    with MockServer() as server:
        port, whole = server.port, settings(server.base_url, "whole")
        from lm_eval import evaluator

        EvaluationTracker(whole.output_path).save(evaluator.run(whole))
    with MockServer(port=port, latency_ms=60, faults=lambda record: witness.arrived(record)) as server:
        for work in (witness.watch, kill):
            threading.Thread(target=work, daemon=True).start()
        parts = settings(server.base_url, "parts", distribute="ray", shards=4)
        EvaluationTracker(parts.output_path).save(distribute(parts))
        tidy(parts)
        witness.closing.set()
    assert witness.asked_again(kills)[1] == 0
    assert differences(saved(tmp_path / "whole"), saved(tmp_path / "parts")) == []
