"""The parts of a matrix: its rows, its columns and its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lm_eval.results import Score

__all__ = ["Cell", "Column", "Matrix", "MatrixRow", "label_of"]


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
