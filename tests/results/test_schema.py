"""Saved runs match the schemas in docs/, and the schemas reject a key that is missing, misspelt or of another type."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lm_eval.cli import main
from lm_eval.cli.run import execute
from lm_eval.demo import demo_config, judged_answers, judged_config
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.mock_server import MockServer
from lm_eval.rescoring import rescore
from lm_eval.results import Run, load
from tests.e2e.killing import words
from tests.e2e.killing import write_tasks as kill_tasks
from tests.fakes import FakeLM, write_tasks

DOCS = Path(__file__).resolve().parents[2] / "docs"
Change = Callable[[dict[str, Any]], object]


def schema(name: str) -> Draft202012Validator:
    content = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


RESULTS, SAMPLE = schema("results"), schema("sample")


def faults(validator: Draft202012Validator, value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo tasks on the mock server, which refuses one request."""
    folder = tmp_path_factory.mktemp("schema")
    with MockServer(faults=lambda request: "400" if "30 + 12" in str(request.body) else None) as server:
        execute(demo_config(server.base_url, "mock", str(folder)))
    return load(folder)


def test_a_run_matches_the_schema(run: Run) -> None:
    assert faults(RESULTS, run.results) == []
    assert run.results["errors"]["lost"] == 1


def test_every_sample_matches_the_schema(run: Run) -> None:
    samples = [sample for task in run.tasks for sample in run.iter_samples(task)]
    assert [found for sample in samples if (found := faults(SAMPLE, sample))] == []
    assert [sample["error"]["kind"] for sample in samples if "error" in sample] == ["rejected"]


def test_a_judged_run_matches_the_schema(tmp_path: Path) -> None:
    with (
        MockServer(answers=judged_answers()) as server,
        MockServer(model="careful-judge", judge="unreadable=0.5") as one,
        MockServer(model="hasty-judge", judge="accuracy=0.5") as two,
    ):
        execute(judged_config(server.base_url, [one.base_url, two.base_url], str(tmp_path)))
    judged = load(tmp_path)
    assert faults(RESULTS, judged.results) == []
    samples = list(judged.iter_samples("judged_mini"))
    assert [found for sample in samples if (found := faults(SAMPLE, sample))] == []
    assert all("judge" in sample for sample in samples)


def test_runs_in_batches_and_in_shards_match_the_schema(tmp_path: Path) -> None:
    tasks = kill_tasks(tmp_path / "tasks", 20)
    with MockServer() as server:

        def run(out: str, *more: str) -> None:
            assert main([*words(server.base_url, tasks, tmp_path / out)[3:], *more]) == 0

        run("batches", "--batch", "openai")
        for shard in range(3):
            run("shards", "--shard", f"{shard}/3")
    assert main(["merge", str(tmp_path / "shards")]) == 0
    shutil.rmtree(tmp_path / "shards" / "shards" / "0001-of-0003")
    assert main(["merge", str(tmp_path / "shards"), "--output_path", str(tmp_path / "lost"), "--allow_missing"]) == 3
    found = {out: load(tmp_path / out).results for out in ("batches", "shards", "lost")}
    assert {out: faults(RESULTS, results) for out, results in found.items()} == {out: [] for out in found}
    runs = {out: results["config"]["model_info"]["run"] for out, results in found.items()}
    assert runs["batches"]["batches"] == {"files": 1, "requests": 20, "replies": 20}
    assert runs["shards"]["latency"].keys() == {"requests", "mean"}
    assert found["lost"]["errors"]["lost"] > 0
    samples = list(load(tmp_path / "shards").iter_samples("killed_multiple_choice"))
    assert [fault for sample in samples if (fault := faults(SAMPLE, sample))] == []


def test_a_rescored_run_matches_the_schema(run: Run, tmp_path: Path) -> None:
    results = rescore(run, include_path=demo_config("", "", "").include_path)
    samples = results.pop("samples")
    tracker = EvaluationTracker(tmp_path)
    tracker.save_results_aggregated(results, samples)
    assert faults(RESULTS, load(tmp_path).results) == []


def test_groups_predictions_and_refused_tasks_match_the_schema(tmp_path: Path) -> None:
    group = "group: both\ntask: [choice, generate]\naggregate_metric_list: [{metric: acc}]\n"
    tasks = write_tasks(tmp_path, both=group)
    for options in ({}, {"predict_only": True}, {"limit": 0.5, "log_samples": False}):
        lm = FakeLM(refused=["loglikelihood_rolling"])
        results = simple_evaluate(lm, tasks=["both", "rolling"], include_path=tasks, bootstrap_iters=20, **options)
        tracker = EvaluationTracker(tmp_path / "out")
        tracker.save_results_aggregated(results)
        assert faults(RESULTS, load(tracker.saved[0]).results) == []


def _keys(name: str) -> list[str]:
    content = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return list(content["required"])


@pytest.mark.parametrize("key", _keys("results"))
def test_a_missing_key_of_results_is_noticed(run: Run, key: str) -> None:
    assert faults(RESULTS, {name: value for name, value in run.results.items() if name != key})


@pytest.mark.parametrize("key", _keys("results"))
def test_a_mistyped_value_of_results_is_noticed(run: Run, key: str) -> None:
    assert faults(RESULTS, {**run.results, key: [["neither"]]})


@pytest.mark.parametrize("key", _keys("sample"))
def test_a_missing_key_of_a_sample_is_noticed(run: Run, key: str) -> None:
    sample = run.samples("demo_numbers")[0]
    assert faults(SAMPLE, {name: value for name, value in sample.items() if name != key})


DEEPER: dict[str, Change] = {
    "unknown key": lambda r: r.update(grups={}),
    "score key without filter": lambda r: r["results"]["demo_choices"].update(acc=1.0),
    "score as text": lambda r: r["results"]["demo_choices"].update({"acc,none": "1.0"}),
    "no alias": lambda r: r["results"]["demo_choices"].pop("alias"),
    "negative count": lambda r: r["n-samples"]["demo_choices"].update(effective=-1),
    "no original": lambda r: r["n-samples"]["demo_choices"].pop("original"),
    "no output type": lambda r: r["configs"]["demo_choices"].pop("output_type"),
    "other output type": lambda r: r["configs"]["demo_choices"].update(output_type="chat"),
    "no seed": lambda r: r["config"].pop("random_seed"),
    "misspelt argument": lambda r: r["config"].update(limt=3),
    "limit as text": lambda r: r["config"].update(limit="3"),
    "errors without exceeded": lambda r: r["errors"].pop("exceeded"),
    "hash cut short": lambda r: r["task_hashes"].update(demo_choices="abc"),
    "direction as text": lambda r: r["higher_is_better"]["demo_choices"].update(acc="yes"),
    "interval of one end": lambda r: r.update(statistics={"t": {"acc,none": {"n": 1, "lost": 0, "interval": [0]}}}),
    "statistics without n": lambda r: r.update(statistics={"t": {"acc,none": {"lost": 0}}}),
}


@pytest.mark.parametrize("change", DEEPER.values(), ids=DEEPER)
def test_a_nested_fault_is_noticed(run: Run, change: Change) -> None:
    content = copy.deepcopy(dict(run.results))
    change(content)
    assert faults(RESULTS, content)


SAMPLE_FAULTS: dict[str, Change] = {
    "arguments as a list": lambda s: s.update(arguments=[["Q", {}]]),
    "misspelt request": lambda s: s.update(arguments={"args_0": {"arg_0": "Q"}}),
    "responses that are no list": lambda s: s.update(resps=["a"]),
    "no requests": lambda s: s.update(arguments={}),
    "doc id as text": lambda s: s.update(doc_id="0"),
    "error without kind": lambda s: s.update(error={"message": "m"}),
    "info without outcome": lambda s: s.update(response_info=[{"finish_reason": "stop"}]),
}


@pytest.mark.parametrize("change", SAMPLE_FAULTS.values(), ids=SAMPLE_FAULTS)
def test_a_fault_of_a_sample_is_noticed(run: Run, change: Change) -> None:
    sample = run.samples("demo_numbers")[0]
    change(sample)
    assert faults(SAMPLE, sample)
