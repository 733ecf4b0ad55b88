"""Lay out the tables that a run prints, in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from lm_eval.api.result_keys import NOT_AVAILABLE
from lm_eval.reports.columns import WIDTH
from lm_eval.reports.html_table import html_table
from lm_eval.reports.judges import judge_lines
from lm_eval.reports.markdown import markdown_table, room, shown_width, terminal_width
from lm_eval.reports.notes import MAX_LINES, notes_of
from lm_eval.results import Member, Results, Score
from lm_eval.results.json_values import as_count, as_mapping
from lm_eval.results.messages import messages_of
from lm_eval.text import not_run, visible

__all__ = ["header_line", "make_table", "notebook_table", "tables", "tables_for_stdout"]

_ARROWS = {True: "↑", False: "↓", None: ""}
_WIDE = 1e6
_NOT_SCORED = "bypass"
"""The metric of ``predict_only``; its value 999 stands for no score, as in the reference harness."""
_ALIGN_RIGHT = ("Version", "n-shot", "Value", "Stderr", "Errors")


def header_line(results: Mapping[str, object]) -> str:
    """Say in one line what was run.

    Args:
        results: The result dict of ``simple_evaluate``.

    Returns:
        ``model (arguments), gen_kwargs: (…), limit: …, num_fewshot: …, batch_size: …``, and ``bos: …`` where the model
        knows whether a BOS token preceded the prompts.
    """
    run = Results(results)
    config, bos = run.config, run.model_info.get("bos")
    arguments, generation = _arguments(config.get("model_args")), _arguments(config.get("gen_kwargs"))
    return (
        f"{config.get('model')} ({arguments}), gen_kwargs: ({generation}), limit: {config.get('limit')}, "
        f"num_fewshot: {config.get('num_fewshot')}, batch_size: {config.get('batch_size')}"
        + (f", bos: {bos}" if bos is not None else "")
    )


def _arguments(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{visible(str(key))}={visible(str(entry))}" for key, entry in value.items())
    return visible(str(value))


def tables(results: Mapping[str, object], width: int = WIDTH, *, intervals: bool = False) -> str:
    """Lay out what a run prints: what was run, all scores, and the scores of its groups.

    Args:
        results: The result dict of a run.
        width: Maximum number of characters in a line.
        intervals: Show the interval of each score.

    Returns:
        The header line and the tables, with a blank line after each table.
    """
    parts = [header_line(results), make_table(results, width=width, intervals=intervals)]
    run = Results(results)
    if any(score.task in run.section("groups") for score in run.scores):
        parts.append(make_table(results, "groups", width=width, intervals=intervals))
    return "\n".join(parts)


def tables_for_stdout(results: Mapping[str, object], *, intervals: bool | None = None) -> str:
    """Lay out what a run prints, for the terminal or the pipe that stdout is.

    Args:
        results: The result dict of a run.
        intervals: Show the interval of each score. None, the default, shows intervals on a terminal that is wide
            enough for them, and not in a pipe.

    Returns:
        As ``tables``.
    """
    if intervals is None:
        intervals = _has_room_for_intervals(results, terminal_width())
    return tables(results, width=room(), intervals=intervals)


def _has_room_for_intervals(results: Mapping[str, object], width: int | None) -> bool:
    if width is None or not any(score.interval for score in Results(results).scores):
        return False
    columns = ("results", "groups") if results.get("groups") else ("results",)
    rows = [
        line
        for column in columns
        for line in make_table(results, column, intervals=True, width=None).splitlines()
        if line.startswith("|")
    ]
    return max(map(shown_width, rows)) <= width


def make_table(
    result_dict: Mapping[str, object],
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
        sort_results: Sort the rows by name. By default the members of a group follow the group.
        intervals: Add a column with the intervals in ``result_dict["statistics"]``.
        width: Maximum number of characters in a line, except for rows with a long name. None means no limit.

    Returns:
        The table. When documents were lost to errors it has a column with their number, and a line below it says why.
    """
    head, rows, notes = _parts(result_dict, column, sort_results, intervals)
    below = "".join(f"\n{_wrapped(note, width)}" for note in notes)
    return markdown_table(head, rows, right=_ALIGN_RIGHT, width=width) + below


def notebook_table(results: Mapping[str, object]) -> str:
    """Lay scores out as an HTML table, for a notebook.

    Args:
        results: The result dict of a run.

    Returns:
        HTML with the header line, the table with intervals, and the notes below it.
    """
    head, rows, notes = _parts(results, "results", False, any(score.interval for score in Results(results).scores))
    above = [header_line(results)] if results.get("config") else []
    return html_table(head, rows, right=_ALIGN_RIGHT, above=above, below=notes)


def _parts(
    result_dict: Mapping[str, object], column: str, sort_results: bool, intervals: bool
) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the titles of a table, its rows, and the notes below it."""
    run = Results({**result_dict, "results": result_dict.get(column)})
    depths = _depths(run)
    members = [run.members[name] for name in (sorted(run.members) if sort_results else depths)]
    lossy = any(member.lost for member in members)
    head = ["Groups" if column == "groups" else "Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", ""]
    head += ["Stderr", *([_interval_title(run)] if intervals else []), *(["Errors"] if lossy else [])]
    rows = []
    for member in members:
        for score, row in _rows(run, member, depths[member.name]):
            within = [_interval(score)] if intervals else []
            lost = [str(member.lost) if row[0] else ""] if lossy else []
            rows.append([*row, *within, *lost])
    notes = notes_of(members)
    if column == "results":
        notes += [f"{'! ' * line.warns}{line.text}" for line in judge_lines(run)]
        notes += _thoughts(run)
        # Times differ from run to run, so only a run that was to measure them shows them.
        notes += [f"Speed: {', '.join(run.speed.words())}."] if run.speed.first_token else []
        notes += [f"! {line}" for line in messages_of(member.messages for member in members)]
        notes += [f"! {line}" for line in not_run(run.refused)]
    return head, rows, notes


def _thoughts(run: Results) -> Iterator[str]:
    """Say how many of the generated tokens were thoughts: one line per task, or one for all when there are many."""
    usages = {name: as_mapping(usage) for name, usage in as_mapping(run.usage.get("tasks")).items()}
    counts = {
        name: (as_count(usage.get("reasoning_tokens")), as_count(usage.get("completion_tokens")))
        for name, usage in usages.items()
        if as_count(usage.get("reasoning_tokens"))
    }
    if len(counts) > MAX_LINES:
        thoughts, generations = zip(*counts.values(), strict=True)
        counts = {f"{len(counts)} tasks": (sum(thoughts), sum(generations))}
    for name, (thought, generated) in counts.items():
        share = f" ({thought / generated:.0%})" if generated >= thought else ""
        yield f"{visible(name)}: {thought:,} of {generated:,} generated tokens{share} are thought."


def _interval_title(run: Results) -> str:
    """Name the column of the intervals by the level of the first one; 95 % when there is none."""
    level = next((score.level for score in run.scores if score.interval), 0.95)
    return f"{100 * level:g}% interval"


def _interval(score: Score) -> str:
    return f"[{_decimals(score.interval[0])}, {_decimals(score.interval[1])}]" if score.interval else ""


def _wrapped(note: str, width: int | None) -> str:
    if width is None:
        return note
    return textwrap.fill(note, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _depths(run: Results) -> dict[str, int]:
    """Order names and find their depths: groups, each followed by its members, then the other tasks; all sorted."""
    subtasks = run.group_subtasks
    inside = {child for children in subtasks.values() for child in children}
    depths: dict[str, int] = {}

    def visit(name: str, level: int) -> None:
        if name in depths:
            return
        if name in run.members:
            depths[name] = level
        for child in sorted(subtasks.get(name, ())):
            visit(child, level + 1)

    for name in [*sorted(subtasks.keys() - inside), *sorted(run.members)]:
        visit(name, 0)
    return depths


def _rows(run: Results, member: Member, level: int) -> Iterator[tuple[Score, list[str]]]:
    """Lay out one row per score; only the first row has the name and the version of the task."""
    name = f"{' ' * level}- {member.alias}" if level else member.alias
    version = _version(member.version)
    shots = run.at("n-shot", member.name)
    for score in sorted(member.scores, key=lambda score: score.key):
        row = [name, version, score.filter, "" if shots is None else str(shots), score.metric]
        if score.metric == _NOT_SCORED:
            row += ["", "not scored"]
        elif score.not_computed:
            row += ["", "not computed"]
        else:
            row += [_ARROWS[score.higher_is_better], _decimals(run.at("results", member.name, score.key))]
        yield score, [*row, "±", _decimals(score.stderr)]
        name = version = ""


def _version(version: object) -> str:
    """Format a version; 1.0 as 1."""
    if version is None:
        return NOT_AVAILABLE
    return str(int(version)) if isinstance(version, float) and version.is_integer() else str(version)


def _decimals(value: object) -> str:
    """Format a score with 4 decimals; numbers that would widen the column with an exponent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOT_AVAILABLE if value is None else str(value)
    return f"{value:.4e}" if _WIDE <= abs(value) < float("inf") else f"{value:.4f}"
