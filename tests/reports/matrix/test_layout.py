from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import UnknownNameError
from lm_eval.reports.matrix import Matrix, matrix_of, to_markdown
from lm_eval.reports.runs import RunIndex
from tests.reports.saved_runs import docs, save


def index_of(folder: Path, *runs: dict[str, Any]) -> RunIndex:
    """Save runs, each later than the one before, and open their index."""
    for number, run in enumerate(runs):
        tasks = run.pop("tasks", {"t": [1, 0]})
        samples = {name: docs(values) if values and values[0] in (0, 1) else values for name, values in tasks.items()}
        save(folder / "runs", samples, time=f"2026-01-01T10-00-00.00000{number}", date=float(number), **run)
    index = RunIndex(folder / "runs", folder / "index.sqlite")
    index.refresh()
    return index


def texts(matrix: Matrix) -> dict[str, dict[str, float | None]]:
    return {
        row.label: {
            matrix.columns[column].title: cell.score.value for column, cell in enumerate_row(matrix, place).items()
        }
        for place, row in enumerate(matrix.rows)
    }


def enumerate_row(matrix: Matrix, row: int) -> dict[int, Any]:
    return {column: cell for (place, column), cell in matrix.cells.items() if place == row}


def test_models_are_rows_and_tasks_are_columns(tmp_path: Path) -> None:
    index = index_of(
        tmp_path,
        {"model_name": "b", "tasks": {"t": [1, 1], "u": [0, 0]}},
        {"model_name": "a", "tasks": {"u": [1, 0]}},
    )
    assert texts(matrix_of(index.runs)) == {"a": {"u acc": 0.5}, "b": {"t acc": 1.0, "u acc": 0.0}}


def test_the_newest_run_stands_for_a_model_and_its_settings(tmp_path: Path) -> None:
    index = index_of(tmp_path, {"tasks": {"t": [0, 0], "u": [1, 1]}}, {"tasks": {"t": [1, 1]}})
    assert texts(matrix_of(index.runs)) == {"org/m": {"t acc": 1.0, "u acc": 1.0}}
    assert [len(row.runs) for row in matrix_of(index.runs).rows] == [2]
    assert len(matrix_of(index.runs, by_run=True).rows) == 2


def test_rows_of_a_model_are_told_apart_by_the_settings_that_differ(tmp_path: Path) -> None:
    def config(temperature: float) -> dict[str, object]:
        return {"num_fewshot": 5, "gen_kwargs": {"temperature": temperature}}

    index = index_of(tmp_path, {"config": config(0)}, {"config": config(0.8)}, {"model_name": "other"})
    assert [row.label for row in matrix_of(index.runs).rows] == [
        "org/m (temperature 0)",
        "org/m (temperature 0.8)",
        "other",
    ]


def test_members_follow_their_group(tmp_path: Path) -> None:
    more: dict[str, Any] = {
        "group_subtasks": {"g": ["b", "a"], "outer": ["g", "z"]},
        "scores": {"g": {"acc,none": 0.5}, "outer": {"acc,none": 0.4}},
    }
    index = index_of(tmp_path, {"tasks": {"a": [1], "b": [0], "z": [1], "alone": [1]}, **more})
    matrix = matrix_of(index.runs)
    assert [(column.task, column.groups) for column in matrix.columns] == [
        ("alone", ()),
        ("outer", ()),
        ("g", ("outer",)),
        ("b", ("outer", "g")),
        ("a", ("outer", "g")),
        ("z", ("outer",)),
    ]
    assert [column.task for column in matrix_of(index.runs, tasks=["g"]).columns] == ["g", "b", "a"]
    assert [column.groups for column in matrix_of(index.runs, tasks=["g"]).columns] == [(), ("g",), ("g",)]


def test_a_group_that_is_in_itself_ends(tmp_path: Path) -> None:
    index = index_of(tmp_path, {"tasks": {"a": [1]}, "group_subtasks": {"g": ["g", "a"], "h": ["i"], "i": ["h"]}})
    assert [column.task for column in matrix_of(index.runs).columns] == ["a"]


def test_metrics_are_chosen(tmp_path: Path) -> None:
    scores = {"t": {"acc,none": 0.5, "acc_norm,none": 0.6, "exact_match,strict": 0.1}}
    index = index_of(tmp_path, {"scores": scores})
    titles = {
        tuple(metrics): [column.title for column in matrix_of(index.runs, metrics=metrics).columns]
        for metrics in ([], ["all"], ["acc*"], ["exact_match,strict"])
    }
    assert titles == {
        (): ["t acc"],
        ("all",): ["t acc", "t acc_norm", "t exact_match (strict)"],
        ("acc*",): ["t acc", "t acc_norm"],
        ("exact_match,strict",): ["t exact_match (strict)"],
    }


@pytest.mark.parametrize("given", [{"tasks": ["nothing"]}, {"metrics": ["acx"]}, {"models": ["x"]}])
def test_a_name_that_no_run_has(tmp_path: Path, given: dict[str, list[str]]) -> None:
    index = index_of(tmp_path, {})
    with pytest.raises(UnknownNameError):
        matrix_of(index.runs, **given)  # type: ignore[arg-type]


def test_a_column_says_in_what_its_runs_differ(tmp_path: Path) -> None:
    index = index_of(
        tmp_path,
        {"model_name": "a", "n-shot": {"t": 0}, "config": {"limit": 10}},
        {"model_name": "b", "n-shot": {"t": 5}},
        {"model_name": "c", "tasks": {"u": [1]}},
    )
    assert matrix_of(index.runs).notes == {0: "The runs differ in few-shot examples: 0, 5; limit: 10, none."}


def test_no_run_is_an_empty_matrix() -> None:
    assert matrix_of([]).rows == []


def test_a_row_for_each_run_has_a_label_of_its_own(tmp_path: Path) -> None:
    index = index_of(tmp_path, {}, {}, {"model_name": "other"})
    labels = [row.label for row in matrix_of(index.runs, by_run=True).rows]
    assert sorted(labels) == [
        "org/m (run results_2026-01-01T10-00-00.000000.json)",
        "org/m (run results_2026-01-01T10-00-00.000001.json)",
        "other",
    ]


def asking(url: str) -> dict[str, Any]:
    return {"config": {"model_args": {"model": "m", "base_url": url}}}


def test_a_row_tells_when_its_runs_asked_several_endpoints(tmp_path: Path) -> None:
    index = index_of(tmp_path, asking("http://user:secret@a:8000/v1"), asking("http://b/v1;http://a:8000/v1"))
    matrix = matrix_of(index.runs)
    assert [row.endpoints for row in matrix.rows] == [("a:8000, b", "a:8000")]
    assert "runs asked several endpoints (a:8000, b; a:8000); the newest run of a task counts." in to_markdown(
        matrix, {}
    )


def test_models_of_a_sweep_are_told_apart_though_servers_give_them_one_name(tmp_path: Path) -> None:
    for name, values in (("small", [0, 0]), ("large", [1, 1])):
        cell = tmp_path / "runs" / name / "t"
        save(cell / "org__m", {"t": docs(values)})
        (cell / "cell.json").write_text(json.dumps({"model": name, "tasks": "t"}))
    index = RunIndex(tmp_path / "runs", tmp_path / "index.sqlite")
    index.refresh()
    assert [row.label for row in matrix_of(index.runs).rows] == [
        "org/m (sweep_model large)",
        "org/m (sweep_model small)",
    ]
