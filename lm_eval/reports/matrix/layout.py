"""Lay runs out as a matrix: which run stands for a model and a task, and which score for a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lm_eval.errors import UnknownNameError
from lm_eval.reports.matrix.types import Cell, Column, Matrix, MatrixRow
from lm_eval.reports.runs import RunSummary
from lm_eval.results import Score
from lm_eval.utils import pattern_match

__all__ = ["matrix_of"]


def matrix_of(
    runs: Sequence[RunSummary],
    *,
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
    models: Sequence[str] = (),
    by_run: bool = False,
) -> Matrix:
    """Lay runs out.

    Runs of a model with the same settings share a row; a task's score is that of the newest of them that has it.

    Args:
        runs: The runs, the newest first.
        tasks: Names or patterns of tasks and groups; none means all.
        metrics: Names or patterns of metrics, also as ``metric,filter``, or ``all``; none means the first of each task.
        models: Names or patterns of models; none means all.
        by_run: Give each run a row.

    Returns:
        The matrix.

    Raises:
        UnknownNameError: No run has a name.
    """
    chosen = _chosen("model", models, [run.model for run in runs])
    runs = [run for run in runs if run.model in chosen]
    rows, of_row = _rows(runs, by_run)
    columns = _columns(runs, tasks, metrics)
    places = {(column.task, column.key): place for place, column in enumerate(columns)}
    cells: dict[tuple[int, int], Cell] = {}
    for place, members in enumerate(of_row):
        for run in members:
            for score in run.scores:
                column = places.get((score.task, score.key))
                if column is not None and (place, column) not in cells:
                    cells[place, column] = _cell(run, score)
    used = {column for _, column in cells}
    kept = [place for place in range(len(columns)) if place in used]
    order = {place: new for new, place in enumerate(kept)}
    shown = {(row, order[column]): cell for (row, column), cell in cells.items()}
    final = [columns[place] for place in kept]
    return Matrix(rows, final, shown, dict(_notes(final, shown)))


def _cell(run: RunSummary, score: Score) -> Cell:
    facts = run.tasks[score.task]
    return Cell(run.key, score, facts.shots, facts.version, run.date, run.settings.get("limit", ""))


def _chosen(what: str, patterns: Sequence[str], names: Iterable[str]) -> set[str]:
    known = list(dict.fromkeys(names))
    if not patterns:
        return set(known)
    found: set[str] = set()
    for pattern in patterns:
        if not (matched := pattern_match(pattern, known)):
            raise UnknownNameError(what, pattern, known)
        found.update(matched)
    return found


def _rows(runs: Sequence[RunSummary], by_run: bool) -> tuple[list[MatrixRow], list[list[RunSummary]]]:
    groups: dict[tuple[object, ...], list[RunSummary]] = {}
    for run in runs:
        key = (run.model, run.key) if by_run else (run.model, *sorted(run.settings.items()))
        groups.setdefault(key, []).append(run)
    of_model: dict[str, list[Mapping[str, str]]] = {}
    for members in groups.values():
        of_model.setdefault(members[0].model, []).append(members[0].settings)
    told = {model: _differing(settings) for model, settings in of_model.items()}
    ordered = sorted(groups.values(), key=lambda members: (members[0].model, sorted(members[0].settings.items())))
    rows = [
        MatrixRow(
            model=members[0].model,
            settings={
                **{name: members[0].settings.get(name, "-") for name in told[members[0].model]},
                **({"run": members[0].path} if by_run and len(of_model[members[0].model]) > 1 else {}),
            },
            runs=tuple(run.key for run in members),
            endpoints=tuple(dict.fromkeys(", ".join(sorted(run.endpoints)) for run in members if run.endpoints)),
        )
        for members in ordered
    ]
    return rows, ordered


def _differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    names = dict.fromkeys(name for each in settings for name in each)
    return [name for name in names if len({each.get(name) for each in settings}) > 1]


def _columns(runs: Sequence[RunSummary], tasks: Sequence[str], metrics: Sequence[str]) -> list[Column]:
    scores: dict[str, dict[str, Score]] = {}
    children: dict[str, list[str]] = {}
    for run in runs:
        for score in run.scores:
            scores.setdefault(score.task, {}).setdefault(score.key, score)
        for group, members in run.groups.items():
            known = children.setdefault(group, [])
            known += [name for name in members if name not in known and name != group]
    inside = {name for members in children.values() for name in members}
    names = dict.fromkeys([*scores, *children])
    wanted = _with_members(_chosen("task", tasks, names), children) if tasks else set(names)
    ordered: dict[str, tuple[str, ...]] = {}
    for name in sorted((name for name in names if name not in inside), key=str.lower):
        _descend(name, (), children, ordered)
    keys = [key for of_task in scores.values() for key in of_task]
    given = [score.metric for of_task in scores.values() for score in of_task.values()]
    every = list(metrics) == ["all"]
    chosen = set() if every or not metrics else _chosen("metric", metrics, [*given, *keys])
    found = []
    for name, above in ordered.items():
        if name not in wanted:
            continue
        shown = list(scores.get(name, {}).values())
        if chosen:
            shown = [score for score in shown if chosen & {score.metric, score.key}]
        elif not every:
            shown = shown[:1]
        found += [
            Column(
                task=name,
                metric=score.metric,
                filter=score.filter,
                label=score.alias or name,
                is_group=name in children,
                higher_is_better=score.higher_is_better,
                groups=tuple(group for group in above if group in wanted),
            )
            for score in shown
        ]
    return found


def _with_members(names: set[str], children: Mapping[str, Sequence[str]]) -> set[str]:
    found, waiting = set[str](), list(names)
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += children.get(name, ())
    return found


def _descend(
    name: str, above: tuple[str, ...], children: Mapping[str, Sequence[str]], found: dict[str, tuple[str, ...]]
) -> None:
    if name in found:
        return
    found[name] = above
    for child in children.get(name, ()):
        _descend(child, (*above, name), children, found)


def _notes(columns: Sequence[Column], cells: Mapping[tuple[int, int], Cell]) -> Iterator[tuple[int, str]]:
    """Say in what the cells of a column differ, apart from the model."""
    of_column: dict[int, list[Cell]] = {}
    for (_, place), cell in cells.items():
        of_column.setdefault(place, []).append(cell)
    for place in range(len(columns)):
        found = of_column.get(place, [])
        differing = [
            f"{name}: {', '.join(sorted({str(value) for value in values}))}"
            for name, values in (
                ("few-shot examples", {cell.shots for cell in found}),
                ("limit", {cell.limit or "none" for cell in found}),
                ("version", {cell.version for cell in found}),
            )
            if len(values) > 1
        ]
        if differing:
            yield place, f"The runs differ in {'; '.join(differing)}."
