from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.reports.html.scores import score_tree
from lm_eval.results import Run


def run(rows: dict[str, Any], **results: Any) -> Run:
    configs: dict[str, Any] = {name: {} for name in rows if not name.startswith("group")}
    return Run(Path("results.json"), {"results": rows, "configs": configs, **results}, {})


def scores(rows: dict[str, Any], **results: Any) -> dict[str, Any]:
    entry: dict[str, Any] = dict(score_tree(run(rows, **results), None, {})["nodes"])["t"]["scores"][0]
    return entry


def test_groups_hold_their_members_and_the_rest_are_roots() -> None:
    rows = {"b": {"acc,none": 0.5}, "group": {"acc,none": 0.5}, "a": {"acc,none": 0.5}}
    tree = score_tree(run(rows, group_subtasks={"group": ["a", "a", "gone"]}), None, {})
    nodes = dict(tree["nodes"])
    assert tree["roots"] == ["group", "b"]
    assert nodes["group"]["members"] == ["a", "gone"]
    assert nodes["gone"]["scores"] == []


def test_the_file_s_interval_is_shown_with_its_method() -> None:
    statistics = {"t": {"acc,none": {"interval": [0.1, 0.9], "method": "wilson"}}}
    entry = scores({"t": {"acc,none": 0.5, "acc_stderr,none": 0.2}}, statistics=statistics)
    assert (entry["interval"], entry["method"]) == ([0.1, 0.9], "wilson")


def test_without_one_the_standard_error_makes_it() -> None:
    entry = scores({"t": {"acc,none": 0.5, "acc_stderr,none": 0.1}})
    assert entry["interval"] == pytest.approx([0.304, 0.696], abs=1e-3)
    assert entry["method"] == "normal"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "N/A"])
def test_a_score_that_is_no_number_has_no_value(value: Any) -> None:
    assert scores({"t": {"acc,none": value, "acc_stderr,none": "N/A"}})["value"] is None


def difference(ours: float, theirs: float, pairs: list[tuple[float, float]], **results: Any) -> dict[str, Any]:
    a, b = (run({"t": {"acc,none": value}}, **results) for value in (ours, theirs))
    entry: dict[str, Any] = dict(score_tree(a, b, {("t", "none", "acc"): pairs})["nodes"])["t"]["scores"][0]
    return entry


def test_paired_docs_give_the_difference_an_interval() -> None:
    pairs = [(1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
    entry = difference(0.6, 0.4, pairs)
    assert entry["difference"] == pytest.approx(0.2)
    assert (entry["wins"], entry["losses"]) == (2, 1)
    assert entry["difference_interval"] == pytest.approx([-0.8389, 1.2389], abs=1e-4)


def test_where_less_is_better_a_win_is_less() -> None:
    entry = difference(0.5, 1.0, [(0.0, 1.0), (1.0, 1.0)], higher_is_better={"t": {"acc": False}})
    assert (entry["wins"], entry["losses"]) == (1, 0)


def test_a_score_that_is_no_mean_of_the_pairs_has_no_interval_of_the_difference() -> None:
    assert "difference_interval" not in difference(0.7, 0.4, [(1.0, 0.0), (0.0, 1.0)])


def test_a_group_is_compared_over_its_tasks_docs() -> None:
    rows = {name: {"acc,none": 0.5} for name in ("group", "a", "b")}
    members = {"group": ["a", "b"]}
    pairs = {(name, "none", "acc"): [(1.0, 0.0), (0.0, 1.0)] for name in ("a", "b")}
    a, b = run(rows, group_subtasks=members), run(rows, group_subtasks=members)
    entry = dict(score_tree(a, b, pairs)["nodes"])["group"]["scores"][0]
    assert (entry["wins"], entry["losses"]) == (2, 2)
