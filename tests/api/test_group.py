from __future__ import annotations

import logging
from math import sqrt
from typing import Any

import pytest

from lm_eval.api.group import ConfigurableGroup, Group
from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.errors import ConfigError

ROWS: dict[str, dict[str, Any]] = {
    "a": {"acc,none": 0.5, "acc_stderr,none": 0.1, "sample_len": 10},
    "b": {"acc,none": 0.7, "acc_stderr,none": 0.2, "sample_len": 30},
}


def task(name: str) -> Task:
    return ConfigurableTask(config={"task": name, "output_type": "multiple_choice", "metric_list": [{"metric": "acc"}]})


def group(*names: str, **config: Any) -> Group:
    built = Group.from_config({"group": "g", **config})
    for name in names:
        built.add(task(name))
    return built


def test_a_weighted_mean_has_a_pooled_standard_error() -> None:
    row = group("a", "b", aggregate_metric_list=[{"metric": "acc"}]).aggregate(ROWS)
    assert row["acc,none"] == pytest.approx(0.65)
    assert row["acc_stderr,none"] == pytest.approx(sqrt((9 * 10 * 0.01 + 29 * 30 * 0.04) / 38 / 40))
    assert row["sample_len"] == 40
    assert row["sample_count"] == {"acc,none": 40}


def test_a_plain_mean_weights_its_standard_error_the_same_way() -> None:
    row = group("a", "b", aggregate_metric_list=[{"metric": "acc", "weight_by_size": False}]).aggregate(ROWS)
    assert row["acc,none"] == pytest.approx(0.6)
    assert row["acc_stderr,none"] == pytest.approx(sqrt(0.01 + 0.04) / 2)


@pytest.mark.parametrize("missing", ["N/A", None])
def test_one_unknown_standard_error_makes_that_of_the_group_unknown(missing: object) -> None:
    rows = {**ROWS, "a": {**ROWS["a"], "acc_stderr,none": missing}}
    assert group("a", "b", aggregate_metric_list=[{"metric": "acc"}]).aggregate(rows)["acc_stderr,none"] == "N/A"


def test_one_doc_per_task_has_no_standard_error() -> None:
    rows = {name: {**row, "sample_len": 1} for name, row in ROWS.items()}
    assert group("a", "b", aggregate_metric_list=[{"metric": "acc"}]).aggregate(rows)["acc_stderr,none"] == "N/A"


def test_every_filter_is_aggregated_over_the_tasks_that_have_it(caplog: pytest.LogCaptureFixture) -> None:
    rows = {**ROWS, "a": {**ROWS["a"], "acc,strict": 0.1, "acc_stderr,strict": 0.3}}
    with caplog.at_level(logging.WARNING, "lm_eval"):
        row = group("a", "b", aggregate_metric_list=[{"metric": "acc"}]).aggregate(rows)
    assert row["acc,strict"] == pytest.approx(0.1)
    assert "1 of 2 tasks do not report 'acc,strict': b" in caplog.text


def test_a_filter_list_limits_the_aggregated_filters() -> None:
    rows = {name: {**row, "acc,x": 1.0} for name, row in ROWS.items()}
    row = group("a", "b", aggregate_metric_list=[{"metric": "acc", "filter_list": "x"}]).aggregate(rows)
    assert row["acc,x"] == 1.0
    assert "acc,none" not in row


def test_a_score_over_fewer_docs_weighs_less() -> None:
    rows = {**ROWS, "b": {**ROWS["b"], "sample_count": {"acc,none": 10}}}
    row = group("a", "b", aggregate_metric_list=[{"metric": "acc"}]).aggregate(rows)
    assert row["acc,none"] == pytest.approx(0.6)


def test_without_metrics_there_is_no_score() -> None:
    built = group("a", "b", group_alias="G")
    assert built.aggregate(ROWS) == {"alias": "G", "name": "g"}
    assert not built.has_aggregation


def test_a_group_is_a_tree() -> None:
    outer, inner = group("a"), Group.from_config({"group": "inner", "metadata": {"version": 2}})
    inner.add(task("b"))
    outer.add(inner)
    assert outer.child_names == ["a", "inner"]
    assert [item.task_name for item in outer.get_all_tasks()] == ["a", "b"]
    assert [item.task_name for item in outer.get_all_tasks(recursive=False)] == ["a"]
    assert outer.get_all_groups() == [inner]
    assert "b" not in outer and "inner" in outer and len(outer) == 2
    assert (outer.version, inner.version) == ("N/A", 2)
    assert outer.pop("inner") is inner and outer.get("inner") is None


def test_aggregates_tasks_of_inner_groups() -> None:
    outer, inner = group("a", aggregate_metric_list=[{"metric": "acc"}]), Group.from_config({"group": "inner"})
    inner.add(task("b"))
    outer.add(inner)
    assert outer.aggregate(ROWS)["acc,none"] == pytest.approx(0.65)


def test_a_configurable_group_is_a_key() -> None:
    built = ConfigurableGroup.from_group(group("a", group_alias="G"))
    assert {built: 1}[ConfigurableGroup(config={"group": "g"})] == 1
    assert (built.group, built.group_name, built.group_alias, built.config["group"]) == ("g", "g", "G", "g")
    with pytest.raises(ConfigError):
        ConfigurableGroup(config={"group": "g", "tsak": []})


def test_a_group_as_a_dict_has_only_what_says_something() -> None:
    assert Group(name="bare").to_dict() == {"group": "bare"}
    assert Group(name="g", alias="G", metadata={"version": 1}).to_dict() == {
        "group": "g",
        "group_alias": "G",
        "metadata": {"version": 1},
    }


def test_a_group_is_shown_with_the_number_of_its_members() -> None:
    assert repr(Group(name="g")) == "Group(name='g', len_children=0, children=[], version=N/A)"
