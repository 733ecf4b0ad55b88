"""Lay runs out as a matrix: which run stands for a model and a task, and which score for a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lm_eval.errors import UnknownNameError
from lm_eval.reports.runs import RunSummary
from lm_eval.results import Score
from lm_eval.utils import pattern_match

__all__ = ["Cell", "Column", "Matrix", "MatrixRow", "label_of", "matrix_of"]


@dataclass(frozen=True)
class Column:
    """A score of a task or group.

    Attributes:
        task: The task or group.
        metric: The metric.
        filter: The filter pipeline.
        label: The name to show.
        is_group: Whether it is a group.
        higher_is_better: Which way the metric is better; None when it is not known.
        groups: The groups that it lies in, from the outside; empty at the top.
    """

    task: str
    metric: str
    filter: str
    label: str
    is_group: bool
    higher_is_better: bool | None
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """``metric,filter``, as in results files."""
        return f"{self.metric},{self.filter}"

    @property
    def title(self) -> str:
        """The name with the metric and the filter, where there is one."""
        return f"{self.label} {self.metric}{'' if self.filter == 'none' else f' ({self.filter})'}"


@dataclass(frozen=True)
class MatrixRow:
    """A model with its settings, or a single run.

    Attributes:
        model: The model's name.
        settings: The settings in which the rows of this model differ, name to text.
        runs: The keys of its runs, the newest first.
        endpoints: Host and port of the endpoints of its runs, one text for the runs that share theirs; two texts may
            stand for different models under one name.
    """

    model: str
    settings: Mapping[str, str]
    runs: tuple[str, ...]
    endpoints: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The model's name with the settings that tell it from other rows."""
        return label_of(self.model, self.settings)


@dataclass(frozen=True)
class Cell:
    """The score of a row in a column.

    Attributes:
        run: The key of the run that it comes from.
        score: The score.
        shots: Number of few-shot examples; None when the results do not say.
        version: The version of the task file; empty when the results do not say.
        date: When the run started, in seconds since 1970; None when the results do not say.
        limit: The run's ``limit``; empty without one.
    """

    run: str
    score: Score
    shots: int | None
    version: str
    date: float | None
    limit: str


@dataclass(frozen=True)
class Matrix:
    """Rows, columns, and the cells that have a score.

    Attributes:
        rows: The rows, by model and settings.
        columns: The columns, a group before its members.
        cells: Positions of row and column to the cell.
        notes: What readers of a column should know, by its position, such as runs with another number of examples.
    """

    rows: Sequence[MatrixRow]
    columns: Sequence[Column]
    cells: Mapping[tuple[int, int], Cell] = field(repr=False)
    notes: Mapping[int, str]

    def column(self, place: int) -> dict[int, Cell]:
        """Return the cells of a column.

        Args:
            place: Its position.

        Returns:
            Position of the row to its cell.
        """
        return {row: self.cells[row, place] for row in range(len(self.rows)) if (row, place) in self.cells}


def label_of(model: str, settings: Mapping[str, str]) -> str:
    """Name a model with settings.

    Args:
        model: The model's name.
        settings: Name to text.

    Returns:
        Such as ``org/model (num_fewshot 5, temperature 0.8)``.
    """
    told = ", ".join(f"{name.removeprefix('gen_kwargs.')} {value}" for name, value in settings.items())
    return f"{model} ({told})" if told else model


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
