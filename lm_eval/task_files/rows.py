"""The rows of a ``task_list``: what each defines, and how it lies over the keys that the rows share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lm_eval.errors import TaskFileError
from lm_eval.task_files.parse import Keys, Origin, RowLines
from lm_eval.task_files.tables import MAX_NAMES, Cells, fill, fill_key, rows_of, table_files

__all__ = ["Written", "over_shared", "tables_of", "top_keys", "written_rows"]

_NOT_SHARED = frozenset({"each", "group", "include", "task", "task_list"})
_ONLY_GROUPS = frozenset({"aggregate_metric_list", "group_alias"})
_ALSO_GROUPS = frozenset({"metadata"})


class Written(NamedTuple):
    """A row as it is written, and the cells that replace its columns.

    Attributes:
        name: The name that the row gives.
        data: The keys of the row, without ``each``.
        lines: Where the row and its keys are written.
        cells: Column to cell; None for a row without ``each``.
    """

    name: str
    data: dict[str, object]
    lines: RowLines
    cells: Cells | None


def tables_of(document: Keys, path: str) -> list[str]:
    """Return the TSV files that the rows of a document name.

    Args:
        document: The document.
        path: Its file.

    Returns:
        Absolute paths, each once.
    """
    found: dict[str, None] = {}
    for row in _list(document):
        if isinstance(row, dict) and "each" in row:
            found.update(dict.fromkeys(table_files(row["each"], path)))
    return list(found)


def written_rows(document: Keys, path: str, problems: list[TaskFileError]) -> Iterator[Written]:
    """List what the rows of a document's ``task_list`` define.

    Args:
        document: The document, without the files it includes.
        path: Its file.
        problems: Gets the errors of rows; the other rows stand.

    Yields:
        Each row; one with ``each`` once for every row of its tables.
    """
    rows = document.data.get("task_list")
    if not isinstance(rows, list):
        origin = document.origins.get("task_list")
        what = f"task_list is a list of rows, got {str(rows)[:60]!r}"
        problems.append(TaskFileError(what, path=path, key="task_list", line=origin and origin.line))
        return
    count = 0
    for row, lines in zip(rows, document.rows, strict=True):
        try:
            data = _checked(row, path, lines.line)
            tables: Sequence[Cells | None] = [None]
            if "each" in data:
                tables = rows_of(data["each"], path, lines.keys.get("each", lines.line))
            count += len(tables)
            if count > MAX_NAMES:
                what = f"the rows make {count:,} names; a file defines at most {MAX_NAMES:,}"
                raise TaskFileError(what, path=path, key="task_list", line=lines.line)
            key = "group" if data.get("group") is not None else "task"
            own = {name: value for name, value in data.items() if name != "each"}
            for cells in tables:
                line = lines.keys.get(key, lines.line)
                name = own[key] if cells is None else fill(own[key], cells, path, line)
                yield Written(str(name), own, lines, cells)
        except TaskFileError as error:
            problems.append(error)


def _list(document: Keys) -> list[object]:
    rows = document.data.get("task_list")
    return rows if isinstance(rows, list) else []


def _checked(row: object, path: str, line: int) -> dict[str, object]:
    if isinstance(row, str) and row:
        return {"task": row}
    if not isinstance(row, dict):
        raise TaskFileError(f"a row is a name or a mapping of keys, got {row!r}", path=path, key="task_list", line=line)
    for key in ("include", "task_list"):
        if key in row:
            raise TaskFileError(f"{key} belongs to the top of a document, not to a row", path=path, key=key, line=line)
    key = "group" if row.get("group") is not None else "task"
    name = row.get(key)
    if not isinstance(name, (str, int)) or isinstance(name, bool) or name == "":
        what = f"a row needs a name in task or group, got {name!r}" if name else "a row needs task or group"
        raise TaskFileError(what, path=path, key=key if name else None, line=line)
    return row


def over_shared(shared: Keys, row: Written, path: str) -> Keys:
    """Lay a row over the keys that the rows of its document share.

    A task gets all shared keys but those of groups, and its tags are added to the shared ones. A group gets
    ``aggregate_metric_list``, ``group_alias`` and ``metadata``.

    Args:
        shared: The keys of the document, with includes merged.
        row: The row.
        path: The file of the row.

    Returns:
        The keys, as a file with one task or group would have them.

    Raises:
        TaskFileError: The row names a column that does not exist.
    """
    is_group = row.data.get("group") is not None
    data, origins, *_ = _shared_by(shared, is_group)
    for key, value in row.data.items():
        line = row.lines.keys.get(key, row.lines.line)
        filled = value if row.cells is None else fill_key(key, value, row.cells, path, line)
        data[key] = _union(data.get("tag"), filled) if key == "tag" and not is_group else filled
        origins[key] = Origin(path, line)
    data["group" if is_group else "task"] = row.name
    return Keys(data, origins, repeated=(*shared.repeated, *row.lines.repeated))


def top_keys(shared: Keys) -> Keys:
    """Return the keys of the task or group that a document with a ``task_list`` defines at its top.

    Args:
        shared: The keys of the document, with includes merged.
    """
    is_group = shared.data.get("group") is not None
    data, origins, *_ = _shared_by(shared, is_group)
    for key in ("group", "task"):
        if key in shared.data and (key == "task" or is_group):
            data[key] = shared.data[key]
            if key in shared.origins:
                origins[key] = shared.origins[key]
    return Keys(data, origins, repeated=shared.repeated)


def _shared_by(shared: Keys, is_group: bool) -> Keys:
    if is_group:
        wanted = shared.data.keys() & (_ONLY_GROUPS | _ALSO_GROUPS)
    else:
        wanted = shared.data.keys() - _ONLY_GROUPS - _NOT_SHARED
    return Keys(
        {key: value for key, value in shared.data.items() if key in wanted},
        {key: origin for key, origin in shared.origins.items() if key in wanted},
    )


def _union(shared: object, own: object) -> object:
    """Return the tags of both; a value that stands alone keeps its shape."""
    if not shared or not own:
        return own or shared
    both = [*(shared if isinstance(shared, list) else [shared]), *(own if isinstance(own, list) else [own])]
    return list(dict.fromkeys(both))
