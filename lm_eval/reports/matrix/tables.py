"""Write a matrix as a table: Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import datetime, timezone

from lm_eval.reports.markdown import markdown_table
from lm_eval.reports.matrix.best import Best
from lm_eval.reports.matrix.types import Cell, Matrix
from lm_eval.text import first_names

__all__ = ["cell_text", "to_csv", "to_latex", "to_markdown"]

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_"},
}
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_FIELDS = (
    *("model", "settings", "task", "metric", "filter", "value", "low", "high", "stderr", "n", "lost", "shots"),
    *("version", "limit", "date", "best", "p_holm", "run"),
)


def cell_text(cell: Cell | None, *, intervals: bool = True) -> str:
    """Write a cell.

    Args:
        cell: The cell; None when the row has no score there.
        intervals: Show the interval.

    Returns:
        Such as ``0.5120 [0.4830, 0.5410]``; a dash without a score.
    """
    if cell is None:
        return "-"
    score = cell.score
    if score.metric == "bypass":
        return "not scored"
    if score.value is None:
        return "N/A"
    ends = score.shown_interval if intervals else None
    value = _number(score.value)
    return f"{value} [{_number(ends[0])}, {_number(ends[1])}]" if ends else value


def to_markdown(matrix: Matrix, best: Mapping[int, Best], *, intervals: bool = True) -> str:
    """Write a matrix as a Markdown table, with notes under it.

    Args:
        matrix: The matrix.
        best: Position of a column to its best score.
        intervals: Show the interval of each score.

    Returns:
        The table; a score in bold is shown to be better than every other of its column.
    """
    head = ["Model", *(f"{'↳ ' * len(column.groups)}{column.title}" for column in matrix.columns)]
    rows = []
    for row, entry in enumerate(matrix.rows):
        cells = [cell_text(matrix.cells.get((row, place)), intervals=intervals) for place in range(len(matrix.columns))]
        rows.append(
            [entry.label, *(f"**{text}**" if _holds(best, place, row) else text for place, text in enumerate(cells))]
        )
    return f"{markdown_table(head, rows)}\n{_legend(matrix, best, intervals)}"


def to_csv(matrix: Matrix, best: Mapping[int, Best]) -> str:
    """Write a matrix as CSV with one line per score.

    Args:
        matrix: The matrix.
        best: Position of a column to its best score.

    Returns:
        The lines. A text that a spreadsheet would take for a formula starts with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for (row, place), cell in sorted(matrix.cells.items()):
        score, ends = cell.score, cell.score.shown_interval or ("", "")
        line = {
            "model": matrix.rows[row].model,
            "settings": "; ".join(f"{name}={value}" for name, value in matrix.rows[row].settings.items()),
            **{"task": score.task, "metric": score.metric, "filter": score.filter, "value": score.value},
            **{"low": ends[0], "high": ends[1], "stderr": score.stderr, "n": score.n, "lost": score.lost},
            **{"shots": cell.shots, "version": cell.version, "limit": cell.limit, "date": _date(cell.date)},
            "best": int(_holds(best, place, row)),
            "p_holm": best[place].p_holm if place in best and best[place].row == row else None,
            "run": cell.run,
        }
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return out.getvalue()


def to_latex(matrix: Matrix, best: Mapping[int, Best], *, intervals: bool = True) -> str:
    """Write a matrix as a LaTeX table for the package ``booktabs``.

    Args:
        matrix: The matrix.
        best: Position of a column to its best score.
        intervals: Show the interval of each score.

    Returns:
        A ``tabular``; a score in bold is shown to be better than every other of its column.
    """
    lines = [f"\\begin{{tabular}}{{l{'r' * len(matrix.columns)}}}", "\\toprule"]
    lines += [" & ".join(["Model", *(_latex(column.title) for column in matrix.columns)]) + r" \\", "\\midrule"]
    for row, entry in enumerate(matrix.rows):
        cells = [_latex(entry.label)]
        for place in range(len(matrix.columns)):
            text = cell_text(matrix.cells.get((row, place)), intervals=intervals)
            written = "--" if text == "-" else _latex(text)
            cells.append(f"\\textbf{{{written}}}" if _holds(best, place, row) else written)
        lines.append(" & ".join(cells) + r" \\")
    notes = "".join(f"% {line}\n" for line in _legend(matrix, best, intervals).splitlines())
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", notes])


def _legend(matrix: Matrix, best: Mapping[int, Best], intervals: bool) -> str:
    lines = []
    if any(each.holds for each in best.values()):
        lines.append(
            "Bold: better than every other of its column, by paired tests on the same documents at the 5 % level, "
            "corrected for the number of columns."
        )
    else:
        lines.append("No score is shown to be better than every other of its column.")
    if intervals and any(cell.score.shown_interval for cell in matrix.cells.values()):
        lines.append("In brackets: the 95 % interval.")
    lines += [f"{matrix.columns[place].title}: {text}" for place, text in sorted(matrix.notes.items())]
    lines += [
        f"{row.label}: runs asked several endpoints ({'; '.join(row.endpoints[:6])}); the newest run of a task counts."
        for row in matrix.rows
        if len(row.endpoints) > 1
    ]
    prompts = [matrix.columns[place].title for place, each in sorted(best.items()) if each.other_prompts]
    if prompts:
        lines.append(f"Tested on the same documents, but with different prompts: {first_names(prompts)}.")
    return "".join(f"{line}\n" for line in lines)


def _holds(best: Mapping[int, Best], place: int, row: int) -> bool:
    return place in best and best[place].row == row and best[place].holds


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.6g}"


def _date(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="seconds")


def _plain(value: object) -> object:
    """Keep a spreadsheet from running a name of a model or a task as a formula."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _latex(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
