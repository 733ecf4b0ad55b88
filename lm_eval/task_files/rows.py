"""The rows of a ``task_list``: what each defines, and how it lies over the keys that the rows share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lm_eval.errors import TaskFileError
from lm_eval.task_files.parse import Keys, Origin, RowLines
from lm_eval.task_files.tables import MAX_NAMES, Cells, fill, fill_key, rows_of, table_files

__all__ = ["Shared", "Written", "tables_of", "written_rows"]

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
                name = str(own[key] if cells is None else fill(own[key], cells, path, line))
                if "${" in name:
                    why = "the row has no table (each)" if cells is None else "a column is written ${column}"
                    raise TaskFileError(f"the name {name!r} has a '${{'; {why}", path=path, key=key, line=line)
                yield Written(name, own, lines, cells)
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
        if name is None or name == "":
            raise TaskFileError("a row needs task or group", path=path, line=line)
        # YAML reads a bare `no`, the code of Norwegian, as false.
        quotes = "; write it in quotes" if isinstance(name, (bool, float)) else ""
        what = f"a row needs a name in task or group, got {name!r}{quotes}"
        raise TaskFileError(what, path=path, key=key, line=line)
    return row


class Shared:
    """The keys at the top of a document with a ``task_list``, which its rows share."""

    def __init__(self, keys: Keys, path: str) -> None:
        """Take the keys.

        Args:
            keys: The keys of the document, with includes merged.
            path: The file of the document.
        """
        self._keys, self._path = keys, path
        self._of_tasks, self._of_groups = _shared_by(keys, of_groups=False), _shared_by(keys, of_groups=True)

    def under(self, row: Written, *, with_origins: bool = True) -> Keys:
        """Lay a row over the shared keys.

        A task gets all shared keys but those of groups, and its tags are added to the shared ones. A group gets
        ``aggregate_metric_list``, ``group_alias`` and ``metadata``.

        Args:
            row: The row.
            with_origins: Whether to say where each key is written.

        Returns:
            The keys, as a file with one task or group would have them.

        Raises:
            TaskFileError: The row names a column that does not exist.
        """
        is_group = row.data.get("group") is not None
        shared, lines = self._of_groups if is_group else self._of_tasks, row.lines
        data, origins = dict(shared.data), {}
        for key, value in row.data.items():
            if row.cells is not None:
                value = fill_key(key, value, row.cells, self._path, lines.keys.get(key, lines.line))
            data[key] = _union(data.get("tag"), value) if key == "tag" and not is_group else value
        data["group" if is_group else "task"] = row.name
        if with_origins:
            own = {key: Origin(self._path, lines.keys.get(key, lines.line)) for key in row.data}
            origins = {**shared.origins, **own}
        return Keys(data, origins, repeated=(*self._keys.repeated, *lines.repeated))

    def top(self) -> Keys:
        """Return the keys of the task or group that the document defines at its top."""
        is_group = self._keys.data.get("group") is not None
        shared = self._of_groups if is_group else self._of_tasks
        named = [key for key in (("group", "task") if is_group else ("task",)) if key in self._keys.data]
        return Keys(
            {**shared.data, **{key: self._keys.data[key] for key in named}},
            {**shared.origins, **{key: self._keys.origins[key] for key in named if key in self._keys.origins}},
            repeated=self._keys.repeated,
        )


def _shared_by(shared: Keys, *, of_groups: bool) -> Keys:
    if of_groups:
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
