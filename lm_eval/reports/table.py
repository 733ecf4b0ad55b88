"""The tables a run prints, in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.reports.columns import WIDTH
from lm_eval.reports.markdown import markdown_table

__all__ = ["header_line", "make_table", "refusals", "tables"]

_ARROWS: dict[Any, str] = {True: "↑", False: "↓"}
_NOT_AVAILABLE = "N/A"
_TO_THE_RIGHT = ("Version", "n-shot", "Value", "Stderr", "Errors")


_OUTCOMES = {
    "length": "cut at the token limit",
    "empty": "empty",
    "refusal": "refusals",
    "filtered": "stopped by a content filter",
    "reasoning_only": "reasoning without an answer",
}


def header_line(results: Mapping[str, Any]) -> str:
    """Say in one line what was run.

    Args:
        results: The result dict of ``simple_evaluate``.

    Returns:
        ``model (arguments), gen_kwargs: (…), limit: …, num_fewshot: …, batch_size: …``.
    """
    config = results.get("config") or {}
    arguments, generation = _arguments(config.get("model_args")), _arguments(config.get("gen_kwargs"))
    return (
        f"{config.get('model')} ({arguments}), gen_kwargs: ({generation}), limit: {config.get('limit')}, "
        f"num_fewshot: {config.get('num_fewshot')}, batch_size: {config.get('batch_size')}"
    )


def _arguments(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={entry}" for key, entry in value.items())
    return str(value)


def tables(results: Mapping[str, Any], width: int = WIDTH) -> str:
    """Lay out what a run prints: what was run, all scores, and the scores of its groups.

    Args:
        results: The result dict of a run.
        width: Characters of a line.

    Returns:
        The header line and the tables, a blank line after each table.
    """
    parts = [header_line(results), make_table(results, width=width)]
    if results.get("groups"):
        parts.append(make_table(results, "groups", width=width))
    return "\n".join(parts)


def make_table(
    result_dict: Mapping[str, Any],
    column: str = "results",
    sort_results: bool = False,
    *,
    intervals: bool = False,
    width: int | None = WIDTH,
) -> str:
    """Lay scores out as a Markdown table.

    Args:
        result_dict: The result dict of a run.
        column: ``results`` for all tasks and groups, ``groups`` for the groups that have scores.
        sort_results: Sort the rows by name alone; otherwise the members of a group follow it.
        intervals: Add a column of the intervals in ``result_dict["statistics"]``.
        width: The most characters of a line; a name that leaves too little room for its scores stands in a row of its
            own above them. None means any.

    Returns:
        The table. When docs were lost to errors there is a column of them, and a line for each task that says why.
    """
    rows_of: Mapping[str, Mapping[str, Any]] = result_dict.get(column) or {}
    depth = _depths(result_dict.get("group_subtasks") or {}, rows_of)
    names = sorted(rows_of) if sort_results else list(depth)
    lossy = any(rows_of[name].get("n_errors") for name in names)
    head = ["Groups" if column == "groups" else "Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", ""]
    head += ["Stderr", *([_interval_title(result_dict)] if intervals else []), *(["Errors"] if lossy else [])]
    rows = []
    for name in names:
        ranges = (result_dict.get("statistics") or {}).get(name) or {}
        for key, row in _rows(name, rows_of[name], depth[name], result_dict):
            within = [_interval(ranges.get(key) or {})] if intervals else []
            lost = [str(rows_of[name].get("n_errors", 0)) if row[0] else ""] if lossy else []
            rows.append([*row, *within, *lost])
    notes = [_wrapped(note, width) for note in _notes(result_dict, column, names)]
    return markdown_table(head, rows, right=_TO_THE_RIGHT, width=width) + "".join(f"\n{note}" for note in notes)


def _interval_title(result_dict: Mapping[str, Any]) -> str:
    """Name the intervals' column by their level, 95 % unless they say another."""
    found = (facts for ranges in (result_dict.get("statistics") or {}).values() for facts in ranges.values())
    level = next((facts["level"] for facts in found if facts.get("level")), 0.95)
    return f"{100 * level:g}% interval"


def _interval(facts: Mapping[str, Any]) -> str:
    ends = facts.get("interval")
    return f"[{_decimals(ends[0])}, {_decimals(ends[1])}]" if ends else ""


def _wrapped(note: str, width: int | None) -> str:
    if width is None:
        return note
    return textwrap.fill(note, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _depths(subtasks: Mapping[str, Sequence[str]], rows_of: Mapping[str, Any]) -> dict[str, int]:
    """Order names and tell how deep each is: groups, each followed by its members, then the other tasks; all sorted."""
    members = {child for children in subtasks.values() for child in children}
    depth: dict[str, int] = {}

    def visit(name: str, level: int) -> None:
        if name in depth:
            return
        if name in rows_of:
            depth[name] = level
        for child in sorted(subtasks.get(name, ())):
            visit(child, level + 1)

    for name in [*sorted(subtasks.keys() - members), *sorted(rows_of)]:
        visit(name, 0)
    return depth


def _rows(
    name: str, scores: Mapping[str, Any], level: int, result_dict: Mapping[str, Any]
) -> Iterable[tuple[str, list[str]]]:
    """Make a row for each score, with the score's key; the first names the task and its version."""
    alias = str(scores.get("alias") or name).lstrip(" -")
    shown, version = f"{' ' * level}- {alias}" if level else alias, _number(result_dict["versions"].get(name, "N/A"))
    shots = result_dict.get("n-shot", {}).get(name, "")
    better = result_dict.get("higher_is_better", {}).get(name) or {}
    for key in sorted(key for key in scores if "," in key):
        metric, _, pipeline = key.partition(",")
        if metric.endswith("_stderr"):
            continue
        stderr = scores.get(f"{metric}_stderr,{pipeline}", _NOT_AVAILABLE)
        arrow = _ARROWS.get(better.get(metric, ""), "")
        row = [shown, version, pipeline, str(shots), metric, arrow, _decimals(scores[key]), "±", _decimals(stderr)]
        yield key, row
        shown = version = ""


def _number(value: Any) -> str:
    """Show a version; 1.0 as 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _decimals(value: Any) -> str:
    """Show a score with 4 decimals; numbers too long to read with an exponent."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _NOT_AVAILABLE if value is None else str(value)
    return f"{value:.4e}" if 1e10 <= abs(value) < float("inf") else f"{value:.4f}"


def _notes(result_dict: Mapping[str, Any], column: str, names: Iterable[str]) -> Iterable[str]:
    """Say what the numbers do not: lost docs, odd answers, scores that could not be computed, tasks not run."""
    rows_of: Mapping[str, Mapping[str, Any]] = result_dict.get(column) or {}
    for name in names:
        row = rows_of[name]
        if row.get("n_errors"):
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted((row.get("errors") or {}).items()))
            answered = row.get("sample_len", 0)
            yield f"! {name}: {row['n_errors']} docs lost ({kinds}); scores are over the {answered} answered."
        odd = [f"{count} {_OUTCOMES.get(kind, kind)}" for kind, count in sorted((row.get("outcomes") or {}).items())]
        if odd:
            yield f"! {name}: of its answers {', '.join(odd)}."
        for key, reason in (row.get("failed") or {}).items():
            yield f"! {name}: {key} could not be computed: {reason}"
    if column == "results":
        yield from (f"! {line}" for line in refusals(result_dict.get("refused") or {}))


def refusals(refused: Mapping[str, str]) -> list[str]:
    """Name the tasks that were not run, a line a reason.

    Args:
        refused: Task name to the reason.

    Returns:
        Lines with the first names, how many more there are, and the reason.
    """
    lines = []
    for reason in dict.fromkeys(refused.values()):
        names = sorted(name for name, why in refused.items() if why == reason)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        lines.append(f"Not run: {shown}. {reason}")
    return lines
