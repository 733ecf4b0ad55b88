from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest

from lm_eval.reports.compare import compare
from lm_eval.reports.html import write_report
from lm_eval.reports.html.scores import score_tree
from lm_eval.results import Run, load
from lm_eval.statistics.paired import mcnemar, proportion_interval
from tests.reports import saved_runs
from tests.reports.html.test_page import block
from tests.reports.saved_runs import docs


def run(rows: dict[str, Any], **results: Any) -> Run:
    configs: dict[str, Any] = {name: {} for name in rows if not name.startswith("group")}
    return Run(Path("results.json"), {"results": rows, "configs": configs, **results}, {})


def scores(rows: dict[str, Any], **results: Any) -> dict[str, Any]:
    entry: dict[str, Any] = dict(score_tree(run(rows, **results))["nodes"])["t"]["scores"][0]
    return entry


def test_groups_have_their_members_and_other_tasks_are_roots() -> None:
    rows = {"b": {"acc,none": 0.5}, "group": {"acc,none": 0.5}, "a": {"acc,none": 0.5}}
    tree = score_tree(run(rows, group_subtasks={"group": ["a", "a", "gone"]}))
    nodes = dict(tree["nodes"])
    assert tree["roots"] == ["group", "b"]
    assert nodes["group"]["members"] == ["a", "gone"]
    assert nodes["gone"]["scores"] == []


def test_the_interval_of_the_file_is_shown_with_its_method() -> None:
    statistics = {"t": {"acc,none": {"interval": [0.1, 0.9], "method": "wilson"}}}
    entry = scores({"t": {"acc,none": 0.5, "acc_stderr,none": 0.2}}, statistics=statistics)
    assert (entry["interval"], entry["method"]) == ([0.1, 0.9], "wilson")


def test_without_an_interval_the_standard_error_gives_it() -> None:
    entry = scores({"t": {"acc,none": 0.5, "acc_stderr,none": 0.1}})
    assert entry["interval"] == pytest.approx([0.304, 0.696], abs=1e-3)
    assert entry["method"] == "normal"


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "N/A"])
def test_a_score_that_is_not_a_number_has_no_value(value: Any) -> None:
    assert scores({"t": {"acc,none": value, "acc_stderr,none": "N/A"}})["value"] is None


def test_answers_without_scores_are_not_scored() -> None:
    entry = scores({"t": {"bypass,none": 999, "bypass_stderr,none": "N/A"}})
    assert (entry["value"], entry["text"]) == (None, "not scored")


def difference(
    tmp_path: Path, ours: Sequence[float], theirs: Sequence[float], score: float | None = None, **more: Any
) -> dict[str, Any]:
    """Return the page's entry of a task with these values in the run and in the other run."""
    given: dict[str, Any] = {} if score is None else {"scores": {"t": {"acc,none": score}}}
    run, other = (
        load(saved_runs.save(tmp_path / name, {"t": docs(values)}, **extra, **more))
        for name, values, extra in (("b", ours, given), ("a", theirs, {}))
    )
    return differences(write_report(run, against=other))["t", "acc", "none"]


def differences(page: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    nodes = block(page.read_text(), "run")["scores"]["nodes"]
    return {(name, entry["metric"], entry["filter"]): entry for name, node in nodes for entry in node["scores"]}


def test_paired_docs_give_the_difference_an_interval(tmp_path: Path) -> None:
    entry = difference(tmp_path, [1, 1, 0, 0, 1], [0, 1, 0, 1, 0])
    assert entry["difference"] == pytest.approx(0.2)
    assert (entry["wins"], entry["losses"]) == (2, 1)
    assert entry["difference_interval"] == list(proportion_interval(2, 1, 5))
    assert (entry["test"], entry["p"]) == ("mcnemar", mcnemar(2, 1).mid)


def test_a_win_is_a_lower_score_where_lower_is_better(tmp_path: Path) -> None:
    entry = difference(tmp_path, [0, 1], [1, 1], better={"acc": False})
    assert (entry["wins"], entry["losses"]) == (1, 0)


def test_a_score_that_is_not_a_mean_of_pairs_has_no_interval_of_the_difference(tmp_path: Path) -> None:
    entry = difference(tmp_path, [1, 0], [0, 1], score=0.7)
    assert "difference_interval" not in entry
    assert entry["no_test"] == "the score is not the mean of its documents' values"


def test_a_group_is_compared_over_its_tasks_docs(tmp_path: Path) -> None:
    group: dict[str, Any] = {"scores": {"group": {"acc,none": 0.5}}, "group_subtasks": {"group": ["a", "b"]}}
    run, other = (
        load(saved_runs.save(tmp_path / name, {"a": docs(values), "b": docs(values)}, **group))
        for name, values in (("ours", [1, 0]), ("theirs", [0, 1]))
    )
    entry = differences(write_report(run, against=other))["group", "acc", "none"]
    assert (entry["wins"], entry["losses"]) == (2, 2)


def save_both(folder: Path) -> tuple[Run, Run]:
    """Save two runs with clusters, groups of both kinds, graded scores, a perplexity and a corpus score."""
    runs = []
    for name, seed in (("a", 1), ("b", 2)):
        draw = random.Random(seed)
        own = draw.random() / 5
        tasks = {
            "right": docs([int(draw.random() < 0.5 + own) for _ in range(120)]),
            "more": docs([int(draw.random() < 0.6) for _ in range(40)]),
            "graded": docs([draw.random() + own for _ in range(60)]),
            "passages": [
                {**doc, "cluster": str(doc["doc_id"] // 4)}
                for doc in docs([int(draw.random() < 0.4 + own) for _ in range(80)])
            ],
            "text": docs([-2 - draw.random() for _ in range(30)], "ppl"),
            "corpus": docs([[3, 4]] * 5, "bleu"),
        }
        mean = {
            task: sum(found) / len(found)
            for task, lines in tasks.items()
            if (found := [line[line["metrics"][0]] for line in lines]) and task != "corpus"
        }
        sizes = {task: len(lines) for task, lines in tasks.items()}
        by_size = ("right", "more", "passages")
        scores = {
            "text": {"ppl,none": exp(-mean["text"])},
            "corpus": {"bleu,none": 20.0 + seed},
            "weighted": {
                "acc,none": sum(mean[task] * sizes[task] for task in by_size) / sum(sizes[task] for task in by_size)
            },
            "plain": {"acc,none": (mean["right"] + mean["graded"]) / 2},
            "everything": {"acc,none": 0.25},
        }
        groups = {
            "weighted": list(by_size),
            "plain": ["right", "graded"],
            "everything": ["weighted", "plain"],
        }
        better = {"ppl": False, "bleu": True}
        runs.append(load(saved_runs.save(folder / name, tasks, scores=scores, better=better, group_subtasks=groups)))
    return runs[0], runs[1]


def test_every_difference_is_the_one_that_compare_shows(tmp_path: Path) -> None:
    a, b = save_both(tmp_path)
    rows = {(row.task, row.metric, row.filter): row for row in compare(a, b).rows}
    shown = differences(write_report(b, against=a))
    assert shown.keys() == rows.keys()
    for key, row in rows.items():
        entry = shown[key]
        assert entry["difference"] == row.difference
        assert entry.get("difference_interval") == (list(row.interval) if row.interval else None)
        assert (entry.get("p"), entry.get("p_holm"), entry.get("test")) == (row.p_value, row.p_holm, row.test)
        assert entry.get("no_test") == row.reason
        assert entry.get("mde") == row.minimum_detectable_effect
        assert (entry.get("wins", 0), entry.get("losses", 0)) == (row.wins, row.losses)
        assert entry.get("paired", 0) == row.n
        assert entry.get("paired_values", [None, None]) == [row.b, row.a]
        assert entry.get("ratio", False) is (row.scale == "ratio")
    assert {row.test for row in rows.values()} == {
        "mcnemar",
        "paired bootstrap",
        "clustered paired bootstrap",
        "stratified paired bootstrap",
        None,
    }
    assert [rows[group, "acc", "none"].test for group in ("weighted", "plain")] == ["stratified paired bootstrap"] * 2
    assert rows["text", "ppl", "none"].scale == "ratio"


def test_samples_left_out_of_the_page_count_in_its_differences(tmp_path: Path) -> None:
    a, b = save_both(tmp_path)
    every = differences(write_report(b, against=a))
    assert differences(write_report(b, against=a, tasks=["more"], limit_samples=3)) == every
