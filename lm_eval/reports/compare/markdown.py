"""Format a comparison as Markdown, for a pull request or a release page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lm_eval.reports.compare.cells import (
    cells,
    flip_ids,
    gate_lines,
    legend,
    outcome,
    shown_flips,
    speed_lines,
    win_rates,
)
from lm_eval.reports.compare.types import Comparison, Row, RunInfo

__all__ = ["to_markdown"]

_TITLES = ["Task", "Metric", "Filter", "n", "A", "B", "B-A", "95 % interval", "Test", "p", "exact p", "Holm"]
_TITLES += ["won", "lost", "MDE"]
_RIGHT = {*_TITLES[3:]} - {"Test"}


def to_markdown(comparison: Comparison, flips: int | None = None) -> str:
    """Format a comparison as Markdown.

    Args:
        comparison: The comparison.
        flips: Number of changed documents to show per score, with both answers. None lists only their ids, 0 nothing.

    Returns:
        The text; it ends with a line break.
    """
    parts = ["\n".join([_run("A", comparison.a), _run("B", comparison.b)])]
    if comparison.gate:
        first, *rest = gate_lines(comparison.gate)
        parts.append("\n".join([f"**{_escaped(first)}**", "", *(f"- {_escaped(line)}" for line in rest)]))
    parts.append(_table(_TITLES, _RIGHT, [_cells(row) for row in comparison.rows]))
    lines = [*outcome(comparison), *win_rates(comparison.rows), *_legend(comparison.rows)]
    lines += [f"No paired test of {row.task} {row.key}: {row.reason}." for row in comparison.rows if row.reason]
    lines += [note.line(max_tasks=20) for note in comparison.notes]
    lines += speed_lines(comparison)
    parts.append("\n".join(f"- {_escaped(line)}" for line in lines))
    if flips != 0 and any(row.flips for row in comparison.rows):
        parts.append("### Documents that changed")
        parts.append(("\n" if flips is None else "\n\n").join(_flips(comparison.rows, flips)))
    return "\n\n".join(parts) + "\n"


def _run(name: str, run: RunInfo) -> str:
    return f"- {name}: {_escaped(run.model)}, {run.date}, {_code(run.path)}"


def _legend(rows: Sequence[Row]) -> list[str]:
    lines = legend(rows)
    if any(row.test == "mcnemar" for row in rows):
        lines.append("exact p: McNemar's exact test, which is conservative.")
    return lines


def _cells(row: Row) -> list[str]:
    names = [_escaped(text) for text in (row.task, row.metric, row.filter)]
    texts = cells(row)
    return [*names, *(texts[title] for title in _TITLES[len(names) :])]


def _table(titles: Sequence[str], right: set[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---:" if title in right else "---" for title in titles]
    return "\n".join(f"| {' | '.join(row)} |" for row in [titles, rule, *rows])


def _flips(rows: Sequence[Row], limit: int | None) -> Iterator[str]:
    for row in rows:
        if not row.flips:
            continue
        name = _escaped(f"{row.task} {row.key}")
        if limit is None:
            if ids := flip_ids(row):
                yield f"- {name}: {ids}"
            continue
        titles = ["doc_id", "A", "B", "target", "A's answer", "B's answer"]
        body = [
            [_escaped(str(flip.doc_id)), f"{flip.a:g}", f"{flip.b:g}"]
            + [_escaped(text) for text in (flip.target, flip.answer_a, flip.answer_b)]
            for flip in shown_flips(row, limit)
        ]
        yield f"{name}: {row.wins} won, {row.losses} lost"
        yield _table(titles, set(), body)


def _escaped(text: str) -> str:
    """Escape a text, so that what a model wrote is not read as a column, a link, an image or HTML."""
    line = re.sub(r"[\\|`*\[\]<>~]", r"\\\g<0>", " ".join(text.split()))
    # Within a word an underscore is plain text, elsewhere it starts or ends italics.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", line)


def _code(text: str) -> str:
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"
