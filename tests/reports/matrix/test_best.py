from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.reports.compare import compare
from lm_eval.reports.matrix import Best, best_of, matrix_of
from lm_eval.reports.matrix import best as best_module
from lm_eval.results import load
from tests.reports.matrix.test_layout import index_of
from tests.reports.saved_runs import docs

GOOD, BAD, MIDDLE = [1] * 40, [0] * 40, [1] * 36 + [0] * 4


def best_by_column(folder: Path, *runs: dict[str, Any]) -> dict[str, Best]:
    index = index_of(folder, *runs)
    matrix = matrix_of(index.runs)
    return {matrix.columns[place].task: best for place, best in best_of(index, matrix).items()}


def runs(**values: list[Any]) -> list[dict[str, Any]]:
    return [{"model_name": name, "tasks": {"t": of_model}} for name, of_model in values.items()]


def test_the_best_is_marked_where_the_paired_test_of_compare_finds_a_difference(tmp_path: Path) -> None:
    best = best_by_column(tmp_path, *runs(a=BAD, b=GOOD))["t"]
    files = sorted((tmp_path / "runs").glob("results_*"))
    row = compare(load(files[0]), load(files[1])).rows[0]
    assert (best.row, best.holds, best.against, best.reason) == (1, True, 0, "")
    assert best.p_value == row.p_value
    assert best.p_holm == row.p_holm


def test_it_is_not_marked_where_the_difference_may_be_chance(tmp_path: Path) -> None:
    best = best_by_column(tmp_path, *runs(a=BAD, b=GOOD, c=[1] * 39 + [0]))["t"]
    assert (best.row, best.holds, best.against) == (1, False, 2)
    assert best.reason == "the difference may be chance"


def test_equal_scores_are_not_told_apart(tmp_path: Path) -> None:
    assert not best_by_column(tmp_path, *runs(a=MIDDLE, b=MIDDLE))["t"].holds


def test_many_columns_make_the_test_stricter(tmp_path: Path) -> None:
    first = [1] * 40
    second = [0] * 5 + [1] * 35  # p = 0.031 alone
    alone = best_by_column(tmp_path / "one", *runs(a=first, b=second))["t"]
    several = [
        {"model_name": name, "tasks": {f"t{number}": values for number in range(3)}}
        for name, values in (("a", first), ("b", second))
    ]
    among = best_by_column(tmp_path / "three", *several)["t0"]
    assert (alone.holds, among.holds) == (True, False)
    assert among.p_holm == pytest.approx(3 * (alone.p_value or 0))
    assert "number of columns" in among.reason


def test_lower_may_be_better(tmp_path: Path) -> None:
    given = [{**run, "better": {"acc": False}} for run in runs(a=BAD, b=GOOD)]
    assert best_by_column(tmp_path, *given)["t"].row == 0


@pytest.mark.parametrize("better", [{"acc": None}, {}])
def test_without_a_direction_nothing_is_best(tmp_path: Path, better: dict[str, None]) -> None:
    given = [{**run, "higher_is_better": {"t": better}} for run in runs(a=BAD, b=GOOD)]
    assert best_by_column(tmp_path, *given) == {}


def test_a_single_score_is_not_best(tmp_path: Path) -> None:
    assert best_by_column(tmp_path, *runs(a=GOOD)) == {}


def test_without_samples_nothing_is_shown(tmp_path: Path) -> None:
    given = [{**run, "log_samples": False} for run in runs(a=BAD, b=GOOD)]
    best = best_by_column(tmp_path, *given)["t"]
    assert (best.holds, best.p_value, best.reason) == (False, None, "no paired test: no samples saved")


def test_other_documents_are_not_compared(tmp_path: Path) -> None:
    other = docs(GOOD, doc={"question": "another"}, doc_hash="f" * 64)
    best = best_by_column(tmp_path, *runs(a=BAD, b=other))["t"]
    assert (best.holds, best.reason) == (False, "no paired test: no document in common")


def test_documents_whose_hashes_differ_are_compared_by_content(tmp_path: Path) -> None:
    best = best_by_column(tmp_path, *runs(a=BAD, b=docs(GOOD, doc_hash="f" * 64)))["t"]
    assert best.holds


def test_other_prompts_are_told(tmp_path: Path) -> None:
    same = best_by_column(tmp_path / "a", *runs(a=BAD, b=GOOD))["t"]
    arguments = {"gen_args_0": {"arg_0": "5 examples first", "arg_1": {}}}
    other = docs(GOOD, prompt_hash="f" * 64, arguments=arguments)
    told = best_by_column(tmp_path / "b", *runs(a=BAD, b=other))["t"]
    assert (same.other_prompts, told.other_prompts, told.holds) == (False, True, True)


def test_groups_are_tested_as_in_compare(tmp_path: Path) -> None:
    given = [
        {
            "model_name": name,
            "tasks": {"t": values, "u": values},
            "group_subtasks": {"g": ["t", "u"]},
            "scores": {"g": {"acc,none": float(values[0])}},
        }
        for name, values in (("a", BAD), ("b", [*GOOD[:-1], 1]))
    ]
    given[1]["tasks"] = {"t": GOOD, "u": MIDDLE}
    given[1]["scores"] = {"g": {"acc,none": 0.95}}
    best = best_by_column(tmp_path, *given)
    files = sorted((tmp_path / "runs").glob("results_*"))
    row = next(row for row in compare(load(files[0]), load(files[1])).rows if row.is_group)
    assert best["g"].holds
    assert best["g"].p_value == row.p_value


def test_tests_are_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(tmp_path, *runs(a=BAD, b=GOOD))
    first = best_of(index, matrix_of(index.runs))
    monkeypatch.setattr(best_module, "PairedRuns", lambda *given, **more: pytest.fail("tested again"))
    assert best_of(index, matrix_of(index.runs)) == first
    with next((tmp_path / "runs").glob("samples_*")).open("a") as file:
        file.write("\n")
    with pytest.raises(pytest.fail.Exception):
        best_of(index, matrix_of(index.runs))


def test_samples_that_cannot_be_read_are_a_reason(tmp_path: Path) -> None:
    index = index_of(tmp_path, *runs(a=BAD, b=GOOD))
    next((tmp_path / "runs").glob("samples_*")).write_text("{")
    (best,) = best_of(index, matrix_of(index.runs)).values()
    assert not best.holds
    assert "is not JSON" in best.reason
