"""Format a comparison: for the terminal, in at most 100 columns, or in the form that is asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite
from typing import Literal

from lm_eval.reports.columns import WIDTH, columns, shorten_middle
from lm_eval.reports.compare.cells import (
    cells,
    flip_ids,
    gate_lines,
    legend,
    mark,
    outcome,
    shown_flips,
    speed_lines,
    win_rates,
)
from lm_eval.reports.compare.markdown import to_markdown
from lm_eval.reports.compare.types import Comparison, Row, RunInfo
from lm_eval.results.atomic import to_json
from lm_eval.text import first_names

__all__ = ["render", "to_text"]

_TITLES = ["", "n", "A", "B", "B-A", "95 % interval", "p", "Holm", "won/lost", "MDE"]
_MAX_LISTED = 20
_GAP = 2
"""Number of spaces between two columns."""


def to_text(comparison: Comparison, flips: int | None = None) -> str:
    """Format a comparison for a terminal.

    Args:
        comparison: The comparison.
        flips: Number of changed documents to show per score, with both answers. None lists only their ids, 0 nothing.

    Returns:
        The text; it ends with a line break.
    """
    lines = [_run("A", comparison.a), _run("B", comparison.b), ""]
    lines += _table(comparison.rows)
    lines += ["", *_wrapped(legend(comparison.rows))]
    lines += [line for text in outcome(comparison) for line in _wrapped([text])]
    lines += _wrapped(win_rates(comparison.rows))
    untested = [row for row in comparison.rows if row.reason]
    for reason, rows in groupby(sorted(untested, key=lambda row: row.reason or ""), key=lambda row: row.reason):
        names = first_names((f"{row.task} {row.key}" for row in rows), 4)
        lines += _wrapped([f"! No paired test ({reason}): {names}."])
    lines += _wrapped([f"! {note.line()}" for note in comparison.notes])
    lines += _wrapped(speed_lines(comparison))
    if flips != 0:
        lines += list(_flips(comparison.rows, flips))
    if comparison.gate:
        lines += ["", *_wrapped(gate_lines(comparison.gate))]
    return "\n".join(lines) + "\n"


def _run(name: str, run: RunInfo) -> str:
    start = f"{name}  {shorten_middle(run.model, 40)}  {run.date}  "
    return start + shorten_middle(run.path, WIDTH - len(start))


def _table(rows: Sequence[Row]) -> list[str]:
    """Put a task's name on a line above its scores, unless it has one score and both names fit on one line."""
    numbers = [_numbers(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(_TITLES[1:], *numbers, strict=True)]
    room = WIDTH - sum(width + _GAP for width in widths)
    body, heads = [_TITLES], dict[int, str]()
    for (task, is_group), group in groupby(zip(rows, numbers, strict=True), key=lambda p: (p[0].task, p[0].is_group)):
        members = list(group)
        first = members[0][0]
        if is_group and not any(head == "" for head in heads.values()) and len(body) > 1:
            heads[len(body)] = ""
            body.append([""] * len(_TITLES))
        if len(members) == 1 and len(f"{task} {first.key}") <= room:
            body.append([f"{task} {first.key}", *members[0][1]])
            continue
        metrics, pipelines = ({getattr(row, name) for row, _ in members} for name in ("metric", "filter"))
        by_filter = len(metrics) == 1 < len(pipelines)
        heads[len(body)] = f"{task} {first.metric}" if by_filter else task
        body.append([""] * len(_TITLES))
        body += [[f"  {row.filter if by_filter else row.key}", *cells_of] for row, cells_of in members]
    lines = columns(body, right=range(1, len(_TITLES)), narrow=[0])
    return [shorten_middle(heads[index], WIDTH) if index in heads else line for index, line in enumerate(lines)]


def _numbers(row: Row) -> list[str]:
    texts = cells(row)
    texts["p"] += mark(row)
    texts["won/lost"] = f"{row.wins}/{row.losses}" if row.test else "-"
    return [texts[title] for title in _TITLES[1:]]


def _wrapped(paragraphs: Sequence[str]) -> list[str]:
    return [
        line
        for text in paragraphs
        for line in textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) or [""]
    ]


def _flips(rows: Sequence[Row], limit: int | None) -> Iterator[str]:
    if limit is None:
        yield from _ids(rows)
        return
    for row in rows:
        if not row.flips:
            continue
        yield ""
        yield shorten_middle(f"{row.task} {row.key}: {row.wins} won, {row.losses} lost", WIDTH)
        for flip in shown_flips(row, limit):
            yield shorten_middle(f"  doc {flip.doc_id}: {flip.a:g} in A, {flip.b:g} in B", WIDTH)
            for title, text in (("target", flip.target), ("A", flip.answer_a), ("B", flip.answer_b)):
                yield f"    {title:<6}  {shorten_middle(text, WIDTH - 12)}".rstrip()


def _ids(rows: Sequence[Row]) -> Iterator[str]:
    named = [f"{row.task} {row.key}: {ids}" for row in rows if (ids := flip_ids(row))]
    if named:
        yield ""
        yield "Documents that changed, by doc_id; --flips N shows the answers"
        yield from (shorten_middle(line, WIDTH) for line in named[:_MAX_LISTED])
    if len(named) > _MAX_LISTED:
        yield f"and documents of {len(named) - _MAX_LISTED} more scores; --format json lists all of them."


def render(comparison: Comparison, form: Literal["text", "markdown", "json"] = "text", flips: int | None = None) -> str:
    """Format a comparison.

    Args:
        comparison: The comparison.
        form: The output format; JSON holds everything.
        flips: Number of changed documents to show per score, with both answers. None lists only their ids, 0 nothing.
            JSON always has all of them.

    Returns:
        The text; it ends with a line break.
    """
    if form == "json":
        return to_json(_finite(comparison.to_dict()), indent=2) + "\n"
    return to_markdown(comparison, flips) if form == "markdown" else to_text(comparison, flips)


def _finite(value: object) -> object:
    """Replace infinite numbers and NaN by None, as JSON cannot hold them."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value
