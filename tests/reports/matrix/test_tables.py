from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from lm_eval.reports.matrix import Best, Matrix, best_of, matrix_of, to_csv, to_latex, to_markdown
from tests.reports.matrix.test_best import BAD, GOOD, runs
from tests.reports.matrix.test_layout import index_of


def tables(folder: Path, *given: dict[str, Any]) -> tuple[Matrix, dict[int, Best]]:
    index = index_of(folder, *given)
    matrix = matrix_of(index.runs)
    return matrix, best_of(index, matrix)


def test_markdown_has_scores_intervals_and_the_best_in_bold(tmp_path: Path) -> None:
    facts = {"t": {"acc,none": {"interval": [0.9, 1.0], "method": "wilson"}}}
    first, second = runs(a=BAD, b=GOOD)
    written = to_markdown(*tables(tmp_path, first, {**second, "statistics": facts}))
    lines = [line.replace(" ", "") for line in written.splitlines()]
    assert lines[0] == "|Model|tacc|"
    assert lines[2:4] == ["|a|0.0000|", "|b|**1.0000[0.9000,1.0000]**|"]
    assert "Bold: better than every other of its column" in written
    assert "In brackets: the 95 % interval." in written


def test_without_intervals(tmp_path: Path) -> None:
    scores = {"t": {"acc_stderr,none": 0.1}}
    matrix, best = tables(tmp_path, {"scores": scores})
    assert "0.5000 [0.3040, 0.6960]" in to_markdown(matrix, best)
    assert "[" not in to_markdown(matrix, best, intervals=False)


def test_a_score_that_is_missing_or_none(tmp_path: Path) -> None:
    scores = {"t": {"acc,none": "N/A"}}
    given = [{"model_name": "a", "tasks": {"t": []}, "scores": scores}, {"model_name": "b", "tasks": {"u": [1]}}]
    lines = [line.replace(" ", "") for line in to_markdown(*tables(tmp_path, *given)).splitlines()]
    assert lines[2:4] == ["|a|N/A|-|", "|b|-|1.0000|"]


def test_csv_has_one_line_per_score(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(*tables(tmp_path, *runs(a=BAD, b=GOOD))))))
    assert [(row["model"], row["task"], row["value"], row["best"]) for row in rows] == [
        ("a", "t", "0.0", "0"),
        ("b", "t", "1.0", "1"),
    ]
    assert rows[0]["date"] == "1970-01-01T00:00:00+00:00"
    assert rows[1]["p_holm"] != rows[0]["p_holm"] == ""


def test_a_spreadsheet_runs_no_name_as_a_formula(tmp_path: Path) -> None:
    written = to_csv(*tables(tmp_path, {"model_name": '=HYPERLINK("http://x")'}))
    assert next(csv.DictReader(io.StringIO(written)))["model"].startswith("'=")


def test_latex_escapes_names(tmp_path: Path) -> None:
    written = to_latex(
        *tables(tmp_path, *[{**run, "model_name": f"{run['model_name']}_50%&\\x{{}}"} for run in runs(a=BAD, b=GOOD)])
    )
    assert r"a\_50\%\&\textbackslash{}x\{\} & 0.0000 \\" in written
    assert r"& \textbf{1.0000} \\" in written
    assert written.startswith("\\begin{tabular}{lr}\n\\toprule\n")


def test_a_table_cell_cannot_break_the_table(tmp_path: Path) -> None:
    written = to_markdown(*tables(tmp_path, {"model_name": "a|b\n| c"}))
    assert written.splitlines()[2].count(" | ") == 0
    assert r"a\|b" in written
