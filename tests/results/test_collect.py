from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lm_eval.api.group import Group
from lm_eval.api.metrics import f1_score, mean, perplexity, weighted_perplexity
from lm_eval.api.task import Task
from lm_eval.errors import MissingPackageError
from lm_eval.results import TaskOutput, collect, task_scores


@dataclass
class FakeTask:
    """The part of a task that its aggregation needs."""

    task_name: str
    aggregations: Mapping[str, Callable[[Any], Any]] = field(default_factory=lambda: {"acc": mean})
    better: Mapping[str, Any] = field(default_factory=lambda: {"acc": True})
    alias: str | None = None
    VERSION: Any = 1.0

    def aggregation(self) -> Mapping[str, Callable[[Any], Any]]:
        return self.aggregations

    def higher_is_better(self) -> Mapping[str, Any]:
        return self.better

    def get_config(self, key: str) -> Any:
        return {"task_alias": self.alias}.get(key)

    def dump_config(self) -> dict[str, Any]:
        return {"task": self.task_name}


def output(name: str, values: Mapping[tuple[str, str], list[Any]], shots: int = 0, **more: Any) -> TaskOutput:
    effective = more.pop("n_effective", max(map(len, values.values()), default=0))
    errors = more.pop("errors", {})
    outcomes = more.pop("outcomes", {})
    task = cast("Task", FakeTask(name, **more))
    return TaskOutput(task, dict(values), 10, effective, shots, errors=errors, outcomes=outcomes)


def group(name: str, *members: Any, metrics: list[dict[str, Any]] | None = None, **more: Any) -> Group:
    built = Group.from_config({"group": name, "aggregate_metric_list": metrics, **more})
    for member in members:
        built.add(member)
    return built


ACC = ("acc", "none")


def test_a_task_row() -> None:
    row = task_scores(output("t", {ACC: [1, 0, 1, 1], ("acc", "flex"): [0, 0, 0, 0]}, alias="T"))
    assert row == {
        "name": "t",
        "alias": "T",
        "sample_len": 4,
        "acc,none": 0.75,
        "acc_stderr,none": 0.25,
        "acc,flex": 0.0,
        "acc_stderr,flex": 0.0,
    }


def test_one_doc_has_no_standard_error() -> None:
    assert task_scores(output("t", {ACC: [1]}))["acc_stderr,none"] == "N/A"


def test_no_resamples_means_no_standard_error() -> None:
    assert task_scores(output("t", {ACC: [1, 0]}), bootstrap_iters=0)["acc_stderr,none"] == "N/A"


def test_a_score_without_a_standard_error() -> None:
    values = {("word_perplexity", "none"): [(-2.0, 1), (-4.0, 2)]}
    row = task_scores(output("t", values, aggregations={"word_perplexity": weighted_perplexity}))
    assert row["word_perplexity_stderr,none"] == "N/A"


def test_a_bootstrapped_standard_error() -> None:
    values = {("perplexity", "none"): [-1.0, -2.0, -3.0]}
    row = task_scores(output("t", values, aggregations={"perplexity": perplexity}))
    assert row["perplexity_stderr,none"] == pytest.approx(3.98, rel=0.05)


def test_numpy_scores_become_numbers() -> None:
    import numpy as np

    row = task_scores(output("t", {ACC: [1, 0]}, aggregations={"acc": np.mean}))
    assert type(row["acc,none"]) is float


def test_a_metric_without_aggregation_is_averaged_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        row = task_scores(output("t", {("new", "none"): [1, 0]}))
    assert (row["new,none"], "names no aggregation" in caplog.text) == (0.5, True)


def test_a_task_without_answers_has_the_score_not_available() -> None:
    row = task_scores(output("t", {}, n_effective=0, errors={"timeout": 3, "rejected": 1}))
    assert row == {
        "name": "t",
        "alias": "t",
        "sample_len": 0,
        "acc,none": "N/A",
        "acc_stderr,none": "N/A",
        "n_errors": 4,
        "errors": {"timeout": 3, "rejected": 1},
    }


def test_outcomes_are_counted() -> None:
    assert task_scores(output("t", {ACC: [1]}, outcomes={"length": 2}))["outcomes"] == {"length": 2}


def test_an_aggregation_that_fails_leaves_the_other_scores(caplog: pytest.LogCaptureFixture) -> None:
    values: dict[tuple[str, str], list[Any]] = {ACC: [1, 0], ("f1", "none"): [(0, 0), (1, 1), (2, 2)]}
    row = task_scores(output("t", values, aggregations={"acc": mean, "f1": f1_score}))
    assert (row["acc,none"], row["f1,none"], row["f1_stderr,none"]) == (0.5, "N/A", "N/A")
    assert "two classes" in row["failed"]["f1,none"]
    assert "cannot be computed" in caplog.text


def test_a_missing_package_is_named() -> None:
    def needs(values: list[Any]) -> float:
        raise MissingPackageError("install it")

    assert task_scores(output("t", {ACC: [1]}, aggregations={"acc": needs}))["failed"] == {"acc,none": "install it"}


def test_a_standard_error_that_fails_leaves_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(values: Any) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr("lm_eval.api.metrics.stderr_for_metric", lambda metric, iters: broken)
    row = task_scores(output("t", {ACC: [1, 0]}))
    assert (row["acc,none"], row["acc_stderr,none"]) == (0.5, "N/A")


def nested() -> dict[str, Any]:
    outputs = {
        "a": output("a", {ACC: [1, 0, 0, 1]}, better={"acc": True}),
        "b": output("b", {ACC: [1, 1]}, shots=2),
        "c": output("c", {ACC: [0, 0, 0, 1]}, better={"acc": True, "brier": False}),
    }
    inner = group("inner", outputs["a"].task, outputs["b"].task, metrics=[{"metric": "acc"}], metadata={"version": 3})
    outer = group("outer", inner, outputs["c"].task, metrics=[{"metric": "acc", "weight_by_size": False}])
    plain = group("plain", outer)
    return collect(outputs, {"plain": plain}, bootstrap_iters=10)


def test_groups_are_aggregated_from_their_tasks() -> None:
    results = nested()
    assert results["results"]["inner"]["acc,none"] == pytest.approx(4 / 6)
    assert results["results"]["outer"]["acc,none"] == pytest.approx((0.5 + 1 + 0.25) / 3)
    assert results["results"]["outer"]["sample_len"] == 10


def test_groups_without_aggregation_show_no_score() -> None:
    results = nested()
    assert results["results"]["plain"] == {"alias": "plain", "name": "plain"}
    assert list(results["groups"]) == ["inner", "outer"]


def test_rows_are_tasks_then_groups_bottom_up() -> None:
    assert list(nested()["results"]) == ["a", "b", "c", "inner", "outer", "plain"]


def test_fields_that_groups_inherit_from_their_tasks() -> None:
    results = nested()
    assert results["group_subtasks"] == {"plain": ["outer"], "outer": ["inner", "c"], "inner": ["a", "b"]}
    assert results["higher_is_better"]["plain"] == {"acc": True, "brier": False}
    assert results["versions"] == {"a": 1.0, "b": 1.0, "c": 1.0, "inner": 3, "outer": "N/A", "plain": "N/A"}
    assert results["n-samples"]["b"] == {"original": 10, "effective": 2}
    assert list(results["configs"]) == ["a", "b", "c"]


def test_a_group_of_tasks_with_different_shots_has_no_number_of_shots() -> None:
    assert nested()["n-shot"] == {"a": 0, "b": 2, "c": 0}


def test_a_group_of_tasks_with_the_same_shots_has_that_number() -> None:
    outputs = {name: output(name, {ACC: [1, 0]}, shots=5) for name in "ab"}
    built = group("g", *(output.task for output in outputs.values()))
    assert collect(outputs, {"g": built})["n-shot"] == {"a": 5, "b": 5, "g": 5}


def test_tasks_that_disagree_on_the_direction_leave_it_open(caplog: pytest.LogCaptureFixture) -> None:
    outputs = {name: output(name, {ACC: [1]}, better={"acc": name == "a"}) for name in "ab"}
    built = group("g", *(output.task for output in outputs.values()))
    assert collect(outputs, {"g": built})["higher_is_better"]["g"] == {"acc": None}
    assert "disagree" in caplog.text


def test_lost_docs_are_counted_for_groups_with_scores() -> None:
    outputs = {"a": output("a", {ACC: [1]}, errors={"timeout": 2}), "b": output("b", {ACC: [1]})}
    built = group("g", *(output.task for output in outputs.values()), metrics=[{"metric": "acc"}])
    assert collect(outputs, {"g": built})["groups"]["g"]["n_errors"] == 2


def test_a_task_without_answers_leaves_its_group_without_a_score() -> None:
    outputs = {"a": output("a", {}, n_effective=0, errors={"timeout": 2}), "b": output("b", {ACC: [1, 0]})}
    built = group("g", *(output.task for output in outputs.values()), metrics=[{"metric": "acc"}])
    assert collect(outputs, {"g": built})["groups"]["g"]["acc,none"] == "N/A"


def test_without_groups_there_is_no_groups_key() -> None:
    assert "groups" not in collect({"a": output("a", {ACC: [1]})}, {})
