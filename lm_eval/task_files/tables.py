"""The tables of ``each``: their rows, and the replacement of ``${column}`` by the cells of a row.

A table is written in the task file or in a TSV file next to it. It has columns and cells, and no expressions.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from lm_eval.errors import TaskFileError, did_you_mean
from lm_eval.task_files.parse import FunctionRef

__all__ = ["MAX_NAMES", "Cells", "fill", "fill_key", "rows_of", "table_files"]

MAX_NAMES = 10_000
"""Maximum number of names that one file may define."""
_MAX_BYTES = 32_000_000
_NAME = re.compile(r"[A-Za-z_]+")
_COLUMN = re.compile(r"\$\{([A-Za-z_]+)\}")

Cells = dict[str, "str | int | float"]
"""A row of a table: column to cell."""


def rows_of(each: object, path: str, line: int | None) -> list[Cells]:
    """Return the rows that an ``each`` stands for; several tables make a product.

    Where a table has columns of the tables before it, a row is joined only with those that have the same cells there.

    Args:
        each: The value: a table or a list of tables. A table is the name of a TSV file, a mapping of columns such as
            ``{lang: [de, fr]}``, or a list of rows such as ``{lang: de, title: German}``; rows that follow each other
            in the list of tables are one table.
        path: The file that the value is written in; names of TSV files are relative to it.
        line: The line of the value.

    Returns:
        The rows; the last table changes fastest.

    Raises:
        TaskFileError: A table cannot be read, no rows fit together, or the rows are too many.
    """
    fault = _Fault(path, line)
    tables = _tables(each, fault)
    rows = tables[0]
    columns = set(rows[0])
    for table in tables[1:]:
        fitting = _matcher(table, rows[0])
        counts = [len(fitting(row)) for row in rows]
        if sum(counts) > MAX_NAMES:
            raise fault.error(f"the tables make {sum(counts):,} rows; a file defines at most {MAX_NAMES:,} names")
        rows = [{**cells, **row} for row in rows for cells in fitting(row)]
        if not rows:
            shared = sorted(table[0].keys() & columns)
            raise fault.error(f"no rows of the tables have the same {' and '.join(shared)}")
        columns |= table[0].keys()
    return rows


def _matcher(table: list[Cells], other: Cells) -> Callable[[Cells], list[Cells]]:
    """Return a function that finds the rows of a table whose cells agree with a row that has the columns of another."""
    columns = sorted(table[0].keys() & other.keys())
    if not columns:
        return lambda row: table
    by_cells: dict[tuple[str, ...], list[Cells]] = {}
    for cells in table:
        by_cells.setdefault(tuple(str(cells[column]) for column in columns), []).append(cells)
    return lambda row: by_cells.get(tuple(str(row[column]) for column in columns), [])


def table_files(each: object, path: str) -> list[str]:
    """Return the TSV files of an ``each``.

    Args:
        each: The value.
        path: The file that the value is written in.

    Returns:
        Absolute paths.
    """
    return [_beside(path, table) for table in (each if isinstance(each, list) else [each]) if isinstance(table, str)]


def fill(value: object, cells: Cells | None, path: str, line: int | None) -> object:
    """Replace ``${column}`` in the strings of a value, and in the names of functions.

    Written-out ``samples`` stay as they are. A member of a group's ``task`` list that has ``each`` becomes as many
    members as the tables have rows. A string that is only ``${column}`` becomes the cell, which may be a number.

    Args:
        value: A value of a task file.
        cells: Column to cell; None replaces nothing.
        path: The file that the value is written in.
        line: The line to name in errors.

    Returns:
        The value with the cells; parts without ``${`` are shared with the given one.

    Raises:
        TaskFileError: A column does not exist, or a table of a member cannot be read.
    """
    if isinstance(value, str):
        return value if cells is None or "${" not in value else _fill_text(value, cells, path, line)
    if isinstance(value, FunctionRef):
        if cells is None or "${" not in value.name:
            return value
        return FunctionRef(str(_fill_text(value.name, cells, path, line)), value.path, value.line)
    if isinstance(value, list):
        return [fill(item, cells, path, line) for item in value]
    if isinstance(value, dict):
        return {key: fill_key(key, item, cells, path, line) for key, item in value.items()}
    return value


def fill_key(key: object, value: object, cells: Cells | None, path: str, line: int | None) -> object:
    """Replace ``${column}`` in the value of a key, as ``fill`` does.

    Args:
        key: The key; ``task`` and ``samples`` are special.
        value: Its value.
        cells: As in ``fill``.
        path: As in ``fill``.
        line: As in ``fill``.

    Returns:
        The value with the cells.

    Raises:
        TaskFileError: As ``fill``.
    """
    if key == "task" and isinstance(value, list):
        return [part for member in value for part in _members(member, cells, path, line)]
    if key == "samples" and not isinstance(value, FunctionRef):
        return value
    return fill(value, cells, path, line)


def _fill_text(text: str, cells: Cells, path: str, line: int | None) -> str | int | float:
    def cell(found: re.Match[str]) -> str:
        return str(cells[found[1]])

    try:
        whole = _COLUMN.fullmatch(text)
        return cells[whole[1]] if whole else _COLUMN.sub(cell, text)
    except KeyError as error:
        name = error.args[0]
        columns = f" The columns are {', '.join(cells)}." if len(cells) <= 10 else ""
        what = f"there is no column {name!r} for ${{{name}}}.{did_you_mean(name, cells) or columns}"
        raise TaskFileError(what, path=path, line=line) from None


def _members(member: object, cells: Cells | None, path: str, line: int | None) -> Iterable[object]:
    """Return what a member of a group's list stands for: the rows of its tables that agree with the group's cells."""
    if not isinstance(member, dict) or "each" not in member:
        return [fill(member, cells, path, line)]
    own = {key: value for key, value in member.items() if key != "each"}
    rows = rows_of(member["each"], path, line)
    if cells is not None:
        rows = _matcher(rows, cells)(cells)
        if not rows:
            raise _Fault(path, line).error("no row of a member's tables agrees with the row of its group")
    filled = [fill(own, {**(cells or {}), **row}, path, line) for row in rows]
    return [item["task"] if isinstance(item, dict) and set(item) == {"task"} else item for item in filled]


class _Fault:
    """Makes errors about the tables of one ``each``."""

    def __init__(self, path: str, line: int | None) -> None:
        self.path, self.line = path, line

    def error(self, what: str) -> TaskFileError:
        return TaskFileError(what, path=self.path, key="each", line=self.line)


def _tables(each: object, fault: _Fault) -> list[list[Cells]]:
    tables: list[list[Cells]] = []
    open_rows: list[Cells] | None = None
    for item in each if isinstance(each, list) else [each]:
        if isinstance(item, Mapping) and not any(isinstance(value, list) for value in item.values()):
            if open_rows is None:
                open_rows = []
                tables.append(open_rows)
            open_rows.append(_row(item, open_rows, fault))
            continue
        open_rows = None
        if item == "":
            raise fault.error("needs a table: a TSV file, {column: [cells]} or a list of rows")
        if isinstance(item, str):
            tables.append(_read_tsv(_beside(fault.path, item), fault))
        elif isinstance(item, Mapping):
            tables.append(_columns(item, fault))
        elif isinstance(item, list) and item and all(isinstance(row, Mapping) for row in item):
            rows: list[Cells] = []
            for row in item:
                rows.append(_row(row, rows, fault))
            tables.append(rows)
        else:
            raise fault.error(f"a table is a TSV file, {{column: [cells]}} or a list of rows, got {item!r}")
    if not tables or not all(tables):
        raise fault.error("the tables have no rows")
    return tables


def _row(row: Mapping[object, object], before: list[Cells], fault: _Fault) -> Cells:
    names = _checked(row, fault)
    if before and list(before[0]) != names and set(before[0]) != set(names):
        raise fault.error(f"a row has the columns {', '.join(names)}, the first one has {', '.join(before[0])}")
    return {str(key): _cell(value, fault) for key, value in row.items()}


def _columns(table: Mapping[object, object], fault: _Fault) -> list[Cells]:
    names = _checked(table, fault)
    columns = [value if isinstance(value, list) else [value] for value in table.values()]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            what = f"the column {name!r} has {len(column)} cells, the first one has {len(columns[0])}"
            raise fault.error(what)
    cells = [[_cell(value, fault) for value in column] for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def _checked(names: Iterable[object], fault: _Fault) -> list[str]:
    checked: list[str] = []
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise fault.error(f"the name of a column has only letters and '_', got {name!r}")
        if name in checked:
            raise fault.error(f"the column {name!r} is there twice")
        checked.append(name)
    if not checked:
        raise fault.error("a table has no columns")
    return checked


def _cell(value: object, fault: _Fault) -> str | int | float:
    if isinstance(value, (str, int, float)):
        return value
    raise fault.error(f"a cell is a text or a number, got {value!r}")


def _beside(path: str, name: str) -> str:
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(path)), name))


def _read_tsv(path: str, fault: _Fault) -> list[Cells]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise fault.error(f"the table {path} cannot be read: {error.strerror or error}") from error
    if not os.path.isfile(path) or found.st_size > _MAX_BYTES:
        raise fault.error(f"the table {path} is no regular file of at most {_MAX_BYTES:,} bytes")
    return _parse_tsv(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=256)
def _parse_tsv(path: str, size: int, mtime_ns: int) -> list[Cells]:
    """Parse a TSV file: the first line has the names of the columns, and a cell is the text between two tabs."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read(_MAX_BYTES).split("\n")
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    except UnicodeDecodeError as error:
        raise TaskFileError("is not UTF-8", path=path) from error
    if not any(lines):
        raise TaskFileError("the table is empty; its first line has the names of the columns", path=path)
    names = _checked(lines[0].split("\t"), _Fault(path, 1))
    rows: list[Cells] = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != len(names):
            raise TaskFileError(f"has {len(cells)} cells, the first line has {len(names)}", path=path, line=number)
        rows.append(dict(zip(names, cells, strict=True)))
    return rows
