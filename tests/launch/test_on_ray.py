"""A run on a Ray cluster; skipped where Ray is not installed. Everything but Ray itself is tested without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.errors import MissingPackageError
from lm_eval.launch.distribute import distribute, tidy
from lm_eval.launch.on_ray import RayWorkers
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server import MockServer
from tests.e2e.killing import Witness, differences, saved, write_tasks


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingPackageError, match=r"lm-eval-api\[ray\]"):
        RayWorkers(None, None, None)


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
