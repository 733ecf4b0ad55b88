"""What the scores alone would not show, one line each: own answers among the shots, repeats, groups, partial scores."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.group import Group
from lm_eval.evaluator import evaluate, simple_evaluate
from lm_eval.reports.table import tables
from tests.api.tasks_for_tests import make
from tests.fakes import FakeLM, write_tasks

ROWS = [{"q": f"What is {i}?", "answer": f"<{i}>", "kind": "sum"} for i in range(8)]
OTHERS = [{"q": f"Say {i}.", "answer": f"<{i}>", "kind": "sum"} for i in range(8)]

VALIDATION: dict[str, Any] = {"test_split": None, "validation_split": "test", "fewshot_split": "test"}


def added(docs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**doc, "new": 1} for doc in docs]


def run(*tasks: Any, **more: Any) -> tuple[dict[str, Any], FakeLM]:
    lm = FakeLM()
    loaded = {"tasks": {task.task_name: task for task in tasks}, **more}
    return evaluate(lm, loaded, bootstrap_iters=0), lm


def shown(lm: FakeLM) -> int:
    return sum(i.args[0].count(f"{i.doc['q']} {i.doc['answer']}") for i in lm.asked)


def notes(results: dict[str, Any], name: str = "demo") -> list[str]:
    found: list[str] = results.get("notes", {}).get(name, [])
    return found


@pytest.mark.parametrize(
    "keys",
    [
        VALIDATION,
        {**VALIDATION, "fewshot_config": {"sampler": "first_n"}},
        {"train": ROWS},
        {"train": ROWS, "process_docs": added, "fewshot_config": {"process_docs": list}},
        {"fewshot_split": None, "fewshot_config": {"samples": ROWS}},
    ],
    ids=["random", "first", "copies", "processed", "samples"],
)
def test_own_answers_among_the_shots_are_counted(keys: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        results, lm = run(make(**{"test": ROWS, "num_fewshot": 3, **keys}))
    count = shown(lm)
    assert count
    (note,) = notes(results)
    assert note.startswith(f"{count} of 8 prompts show the document's own answer")
    assert note in caplog.text
    assert f"{count} of 8 prompts show" in " ".join(tables(results).split())


@pytest.mark.parametrize(
    "keys",
    [
        {"fewshot_split": "test"},
        {"train": OTHERS},
        {"train": [{"kind": "sum", "other": 1}] * 8, "fewshot_config": {"doc_to_text": "?", "doc_to_target": "!"}},
    ],
    ids=["left out", "other rows", "other columns"],
)
def test_nothing_is_said_where_no_own_answer_is_shown(keys: dict[str, Any]) -> None:
    results, lm = run(make(test=ROWS, num_fewshot=3, **keys))
    assert (notes(results), shown(lm)) == ([], 0)


@pytest.mark.parametrize("sampler", ["default", "first_n"])
def test_own_answers_are_left_out_under_another_name(sampler: str) -> None:
    config = {"sampler": sampler}
    task = make(**VALIDATION, test=ROWS, num_fewshot=3, fewshot_config=config, fewshot_exclude_self=True)
    results, lm = run(task)
    assert (list(results["results"]), notes(results, "demo_exclude_self"), shown(lm)) == (["demo_exclude_self"], [], 0)
    assert all(instance.args[0].count("<") == 3 for instance in lm.asked)


def test_a_group_of_tasks_with_changed_names(tmp_path: Path) -> None:
    folder = write_tasks(
        tmp_path, both="group: both\ntask: [generate]\naggregate_metric_list:\n- metric: exact_match\n"
    )
    item = {"task": "both", "fewshot_exclude_self": True}
    results = simple_evaluate(FakeLM(), tasks=[item], include_path=folder, bootstrap_iters=0)
    assert results["group_subtasks"] == {"both": ["generate_exclude_self"]}
    assert set(results["results"]) == {"both", "generate_exclude_self"}


TAKE_FIRST = {"function": "take_first"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, True),
        ({"filter_list": [{"name": "f", "filter": [{"function": "lowercase"}, TAKE_FIRST]}]}, True),
        ({"filter_list": [{"name": "f", "filter": [{"function": "majority_vote"}, TAKE_FIRST]}]}, False),
        ({"filter_list": [{"name": "f", "filter": [{"function": "take_first_k", "k": 3}, TAKE_FIRST]}]}, True),
        ({"metric_list": [{"metric": "exact_match", "over_repeats": "mean@3"}]}, False),
        ({"repeats": 1}, False),
    ],
)
def test_repeats_of_which_only_the_first_counts(keys: dict[str, Any], said: bool) -> None:
    results, _ = run(make(**{"test": ROWS, "repeats": 3, **keys}))
    assert any("asked 3 times, and only the first answer" in note for note in notes(results)) is said


def test_a_group_that_aggregates_what_no_task_reports(caplog: pytest.LogCaptureFixture) -> None:
    task = make(test=ROWS)
    group = Group.from_config({"group": "all", "aggregate_metric_list": [{"metric": "acc"}]})
    group.add(task)
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        results, _ = run(task, groups={"all": group})
    said = "none of its tasks reports acc, which it aggregates; they report exact_match,none"
    assert notes(results, "all") == [said]
    assert said in caplog.text
    assert "Groups" not in tables(results)


def half(references: list[str], predictions: list[str]) -> float:
    return 0.4


def test_a_partial_score_that_several_targets_make_whole() -> None:
    metric = [{"metric": half, "aggregation": "mean", "higher_is_better": True}]
    results, _ = run(make(test=ROWS, metric_list=metric, doc_to_target="{{[answer, q]}}"))
    assert results["results"]["demo"]["half,none"] == 1.0
    (note,) = notes(results)
    assert note.startswith("half gave 0.4 for one of several targets, which counts as 1")


def test_a_score_of_one_of_several_targets_is_nothing_to_note() -> None:
    results, _ = run(make(test=ROWS, doc_to_target="{{[answer, q, '']}}"))
    assert notes(results) == []
