from __future__ import annotations

import logging
from typing import Any

import pytest

from lm_eval.api.group import Group
from lm_eval.config.group import AggMetricConfig
from lm_eval.evaluator_utils import (
    EvalAcc,
    ResultAcc,
    _get_root_groups,
    _process_results,
    aggregate_groups,
    get_sample_size,
    print_writeout,
    run_task_tests,
)
from tests.api.tasks_for_tests import build, make


def _collected(name: str, **values: list[float]) -> ResultAcc:
    raw = {(metric, "none"): list(numbers) for metric, numbers in values.items()}
    return {"task": make(task=name, task_alias=f"the {name}"), "raw_metrics": raw, "logged_samples": [name]}


def _group(name: str, *children: Any) -> Group:
    group = Group(name=name, aggregate_metric_list=[AggMetricConfig(metric="exact_match")])
    for child in children:
        group.add(child)
    return group


def test_scores_of_tasks_and_groups() -> None:
    parts = {"a": _collected("a", exact_match=[1.0, 0.0]), "b": _collected("b", exact_match=[1.0, 1.0, 0.0, 1.0])}
    group = _group("g", parts["a"]["task"], parts["b"]["task"])
    found = _process_results(parts, {"g": group})._to_eval_results(samples={"a": ["a"]})
    rows = found["results"]
    assert (rows["a"]["alias"], rows["a"]["sample_len"], rows["a"]["exact_match,none"]) == ("the a", 2, 0.5)
    assert rows["b"]["exact_match_stderr,none"] == pytest.approx(0.25)
    assert found["groups"]["g"]["exact_match,none"] == pytest.approx(4 / 6)
    assert (found["group_subtasks"], found["samples"]) == ({"g": ["a", "b"]}, {"a": ["a"]})
    assert found["n-samples"]["a"] == {"original": 6, "effective": 2}
    assert found["higher_is_better"] == {name: {"exact_match": True} for name in ("a", "b", "g")}


@pytest.mark.parametrize("iters", [0, None])
def test_without_resamples_there_are_no_standard_errors(iters: int | None) -> None:
    found = _process_results({"a": _collected("a", exact_match=[1.0, 0.0])}, bootstrap_iters=iters)
    assert found.metrics["a"]["exact_match_stderr,none"] == "N/A"


def test_a_metric_without_an_aggregation_and_one_with_fewer_documents(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("lm_eval"), "propagate", True)
    row = _process_results({"a": _collected("a", exact_match=[1.0, 0.0, 1.0], odd=[4.0])}).metrics["a"]
    assert (row["odd,none"], row["odd_stderr,none"], row["sample_len"]) == (4.0, "N/A", 3)
    assert "no aggregation for 'odd'" in caplog.text
    assert "exact_match,none=3, odd,none=1" in caplog.text


def test_inner_groups_are_scored_first_and_once() -> None:
    task = _collected("a", exact_match=[1.0, 0.0])
    inner = _group("inner", task["task"])
    groups = {"outer": _group("outer", inner), "inner": inner}
    results = _process_results({"a": task}, groups)
    assert [name for name in results.metrics if name != "a"] == ["inner", "outer"]
    assert [group.name for group in _get_root_groups(groups)] == ["outer"]
    assert aggregate_groups(EvalAcc()).metrics == {}


@pytest.mark.parametrize(("limit", "count"), [(None, None), (3, 3), (0.5, 3), (0.4, 3), (1.0, 1)])
def test_a_limit_is_a_number_of_documents(limit: float | None, count: int | None) -> None:
    assert get_sample_size(make(), limit) == count


def test_the_first_prompt_is_logged(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("lm_eval"), "propagate", True)
    task = make()
    build(task)
    with caplog.at_level(logging.INFO, "lm_eval"):
        print_writeout(task)
    assert str(task.instances[0].args[0]) in caplog.text


def test_files_of_tasks_are_checked() -> None:
    run_task_tests(["arc_easy"])
    with pytest.raises(ValueError, match="no_such_task"):
        run_task_tests(["arc_easy", "no_such_task"])
