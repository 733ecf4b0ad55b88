"""The tables a run prints, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["header_line", "make_table", "refusals"]

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


def make_table(result_dict: Mapping[str, Any], column: str = "results", sort_results: bool = False) -> str:
    """Lay scores out as a Markdown table.

    Args:
        result_dict: The result dict of a run.
        column: ``results`` for all tasks and groups, ``groups`` for the groups that have scores.
        sort_results: Sort the rows by name alone; otherwise the members of a group follow it.

    Returns:
        The table. When docs were lost to errors there is a column of them, and a line for each task that says why.
    """
    rows_of: Mapping[str, Mapping[str, Any]] = result_dict.get(column) or {}
    depth = _depths(result_dict.get("group_subtasks") or {}, rows_of)
    names = sorted(rows_of) if sort_results else list(depth)
    lossy = any(rows_of[name].get("n_errors") for name in names)
    head = ["Groups" if column == "groups" else "Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", ""]
    head += ["Stderr", *(["Errors"] if lossy else [])]
    rows = [
        [*row, *([str(rows_of[name].get("n_errors", 0)) if row[0] else ""] if lossy else [])]
        for name in names
        for row in _rows(name, rows_of[name], depth[name], result_dict)
    ]
    return _markdown(head, rows) + "".join(_notes(result_dict, column, names))


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


def _rows(name: str, scores: Mapping[str, Any], level: int, result_dict: Mapping[str, Any]) -> Iterable[list[str]]:
    """Make a row for each score; the first names the task and its version."""
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
        yield [shown, version, pipeline, str(shots), metric, arrow, _decimals(scores[key]), "±", _decimals(stderr)]
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
            yield f"\n! {name}: {row['n_errors']} docs lost ({kinds}); scores are over the {answered} answered."
        odd = [f"{count} {_OUTCOMES.get(kind, kind)}" for kind, count in sorted((row.get("outcomes") or {}).items())]
        if odd:
            yield f"\n! {name}: of its answers {', '.join(odd)}."
        for key, reason in (row.get("failed") or {}).items():
            yield f"\n! {name}: {key} could not be computed: {reason}"
    if column == "results":
        yield from (f"\n! {line}" for line in refusals(result_dict.get("refused") or {}))


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


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns: those of numbers to the right."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(head)
    widths = [max(3, len(title), *map(len, column)) for title, column in zip(head, columns, strict=True)]
    right = [title in _TO_THE_RIGHT and _all_numbers(column) for title, column in zip(head, columns, strict=True)]
    titles = [f"{title:^{width}}" for title, width in zip(head, widths, strict=True)]
    rule = [f"{'-' * (width - 1)}:" if flag else "-" * width for width, flag in zip(widths, right, strict=True)]
    body = [
        [
            cell.rjust(width) if title in _TO_THE_RIGHT and _goes_right(cell, title) else cell.ljust(width)
            for cell, width, title in zip(row, widths, head, strict=True)
        ]
        for row in cells
    ]
    return "".join(f"|{'|'.join(row)}|\n" for row in [titles, rule, *body])


def _goes_right(cell: str, title: str) -> bool:
    return _is_number(cell) or (cell == _NOT_AVAILABLE and title != "Version")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _all_numbers(column: Sequence[str]) -> bool:
    filled = [cell for cell in column if cell]
    return bool(filled) and all(map(_is_number, filled))
