"""Tasks that keep some rows of a dataset: one dataset has all subjects, and each task keeps the rows of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.errors import nearest

if TYPE_CHECKING:
    from datasets import Dataset

RowFilter = Callable[["Dataset"], "Dataset"]


def keep_rows(dataset: Dataset, column: str, value: object, clean: Callable[[object], object] | None = None) -> Dataset:
    """Return the rows of a dataset whose column has a value.

    Args:
        dataset: The rows of a split.
        column: The column to look at.
        value: The value to keep.
        clean: Changes what the column has before it is compared.

    Returns:
        The rows that are kept, in their order.
    """
    held = dataset[column] if clean is None else map(clean, dataset[column])
    return dataset.select([row for row, found in enumerate(held) if found == value])


def row_filter(
    name: str, values: Mapping[str, object], column: str, clean: Callable[[object], object] | None = None
) -> RowFilter:
    """Return the function that a task file names; a module serves a table of them from its ``__getattr__``.

    Args:
        name: The function's name, such as ``process_anatomy``.
        values: From each name to the value that the column must have.
        column: The column to look at.
        clean: Changes what the column has before it is compared.

    Returns:
        A ``process_docs`` that keeps the rows with that value.

    Raises:
        AttributeError: The table does not have the name.
    """
    if name not in values:
        close = nearest(name, values)
        hint = f"; did you mean {close[0]!r}?" if close and not name.startswith("__") else ""
        raise AttributeError(f"no row filter {name!r}{hint}")
    return partial(keep_rows, column=column, value=values[name], clean=clean)


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a table of tab-separated values whose first line names the columns, as ``each`` in a task file does.

    Args:
        path: The table.

    Returns:
        The rows: column to cell.
    """
    head, *lines = path.read_text(encoding="utf-8").split("\n")
    columns = head.split("\t")
    return [dict(zip(columns, line.split("\t"), strict=True)) for line in lines if line.strip()]
