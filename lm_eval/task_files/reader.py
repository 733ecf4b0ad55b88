"""Reads files with their documents, includes and rows, and finds what each of them defines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lm_eval.errors import TaskFileError, did_you_mean
from lm_eval.task_files.includes import Include, included_files
from lm_eval.task_files.parse import Keys, Origin, Repeated, parse_file
from lm_eval.task_files.rows import Shared, Written, tables_of, written_rows
from lm_eval.task_files.tables import MAX_NAMES

__all__ = ["Definition", "Reader"]

_NAMED = ("class", "group", "task")


class Definition(NamedTuple):
    """One task or group of a file.

    Attributes:
        keys: Its keys, with includes merged.
        line: Where it is written, counted from 1; 0 in a file that defines nothing else.
    """

    keys: Keys
    line: int


class _Merged(NamedTuple):
    """Merged keys, and the other files they depend on."""

    keys: Keys
    files: list[str]


class Reader:
    """Reads files; what several files include is merged once."""

    def __init__(
        self,
        parse: Callable[[str], tuple[Keys, ...]] = parse_file,
        *,
        follow_includes: bool = True,
        with_origins: bool = True,
    ) -> None:
        """Create a reader.

        Args:
            parse: Returns the documents of a file.
            follow_includes: False takes the keys of a file without those that it includes.
            with_origins: Whether the definitions of rows say where each key is written.
        """
        self._parse = parse
        self._follow, self._origins = follow_includes, with_origins
        self._included: dict[Include, _Merged] = {}
        self._latest: tuple[Keys, _Merged] | None = None

    def shared(self, path: str, open_files: tuple[str, ...] = ()) -> Keys:
        """Return the keys at the top of a file's first document, with includes merged.

        Args:
            path: The absolute path of the file.
            open_files: The files that include this one, the outermost first.

        Returns:
            The keys, which are shared and must not be changed; ``task_list`` is kept as it is written.

        Raises:
            TaskFileError: A file cannot be read, or includes itself.
        """
        return self._merged(path, self._parse(path)[0], open_files).keys

    def files(self, path: str) -> list[str]:
        """Return the other files on which the entries of a file depend: those it includes, and its tables.

        Args:
            path: The absolute path of the file.

        Raises:
            TaskFileError: As ``shared``.
        """
        return self._files(path, ())

    def definitions(self, path: str, problems: list[TaskFileError]) -> Iterator[Definition]:
        """List the tasks and groups of a file.

        Args:
            path: The absolute path of the file.
            problems: Gets the errors of rows; the others stand.

        Yields:
            Each definition; a document without a name gives none.

        Raises:
            TaskFileError: As ``shared``.
        """
        documents = self._parse(path)
        if len(documents) == 1 and "task_list" not in documents[0].data:
            yield Definition(self._merged(path, documents[0], ()).keys, 0)
            return
        seen: dict[str, int] = {}
        for found in self._all(path, documents, problems):
            if len(seen) == MAX_NAMES:
                what = f"the file defines more than {MAX_NAMES:,} names; those from here on are left out"
                problems.append(TaskFileError(what, path=path, line=found.line))
                return
            key = "group" if found.keys.data.get("group") is not None else "task"
            name = str(found.keys.data.get(key))
            if name in seen:
                what = f"{name!r} is defined twice in this file, first in line {seen[name]}"
                problems.append(TaskFileError(what, path=path, key=key, line=found.line))
                continue
            seen[name] = found.line
            yield found

    def find(self, path: str, name: str, open_files: tuple[str, ...] = ()) -> Definition:
        """Return one task or group of a file.

        Args:
            path: The absolute path of the file.
            name: The name.
            open_files: The files that include this one, the outermost first.

        Returns:
            The definition.

        Raises:
            TaskFileError: As ``shared``, or the file does not define the name.
        """
        documents = self._parse(path)
        names: list[str] = []
        for number, document in enumerate(documents):
            if "task_list" in document.data:
                rows = _rows_by_name(path, number, documents, self._parse)
                if _own_name(document) != name and name in rows:
                    row = rows[name]
                    shared = Shared(self._merged(path, document, open_files).keys, path)
                    return Definition(shared.under(row), row.lines.line)
                names += rows
            written = _own_name(document)
            if written not in (None, name):
                names.append(str(written))
                continue
            own = self._top(path, document, open_files)
            if own is not None and _own_name(own) == name:
                return Definition(own, _line(own, document))
        what = f"{path} does not define {name!r}.{did_you_mean(name, names)}"
        raise TaskFileError(what, path=open_files[-1] if open_files else path)

    def _all(self, path: str, documents: tuple[Keys, ...], problems: list[TaskFileError]) -> Iterator[Definition]:
        for document in documents:
            own = self._top(path, document, ())
            if own is not None:
                yield Definition(own, _line(own, document))
            if "task_list" not in document.data:
                continue
            shared = Shared(self._merged(path, document, ()).keys, path)
            for row in written_rows(document, path, problems):
                try:
                    yield Definition(shared.under(row, with_origins=self._origins), row.lines.line)
                except TaskFileError as error:
                    problems.append(error)

    def _top(self, path: str, document: Keys, open_files: tuple[str, ...]) -> Keys | None:
        """Return the keys of what a document defines at its top; None if it defines nothing there."""
        if "task_list" not in document.data:
            merged = self._merged(path, document, open_files).keys
            return merged if any(merged.data.get(key) is not None for key in _NAMED) else None
        # The name of an included task is not the name of a further one.
        if _own_name(document) is None:
            return None
        merged = self._merged(path, document, open_files).keys
        inherited = [key for key in ("group", "task") if key not in document.data]
        kept = {key: value for key, value in merged.data.items() if key not in inherited}
        return Shared(Keys(kept, merged.origins, repeated=merged.repeated), path).top()

    def _merged(self, path: str, document: Keys, open_files: tuple[str, ...]) -> _Merged:
        """Merge what a document includes, in the order of the list, and its own keys over them.

        The result may be the document itself.
        """
        if "include" not in document.data:
            return _Merged(document, [])
        # The definitions and the files of a document are asked for one after the other.
        if self._latest is not None and self._latest[0] is document:
            return self._latest[1]
        wanted = document.data.get("include")
        data: dict[str, object] = {}
        origins: dict[str, Origin] = {}
        files: dict[str, None] = {}
        repeated: dict[Repeated, None] = {}
        if self._follow and wanted is not None:
            origin = document.origins.get("include")
            line = origin and origin.line
            for include in included_files(path, wanted, line, open_files, names_in, self._included):
                keys, further = self._include(include, (*open_files, path))
                data.update(keys.data)
                origins.update(keys.origins)
                if keys.repeated:
                    repeated.update(dict.fromkeys(keys.repeated))
                files[include.file] = None
                if further:
                    files.update(dict.fromkeys(further))
        data.update(document.data)
        origins.update(document.origins)
        if document.repeated:
            repeated.update(dict.fromkeys(document.repeated))
        data.pop("include", None)
        origins.pop("include", None)
        merged = _Merged(Keys(data, origins, document.rows, tuple(repeated)), list(files))
        if not open_files:
            self._latest = (document, merged)
        return merged

    def _include(self, include: Include, open_files: tuple[str, ...]) -> _Merged:
        if include not in self._included:
            if include.name is None:
                keys, files = self._merged(include.file, self._parse(include.file)[0], open_files)
            else:
                keys = self.find(include.file, include.name, open_files).keys
                files = self._files(include.file, open_files)
            data = {key: value for key, value in keys.data.items() if key not in ("task_list", "each")}
            self._included[include] = _Merged(keys._replace(data=data), files)
        return self._included[include]

    def _files(self, path: str, open_files: tuple[str, ...]) -> list[str]:
        documents = self._parse(path)
        if len(documents) == 1 and "task_list" not in documents[0].data:
            return self._merged(path, documents[0], open_files).files
        files: dict[str, None] = {}
        for document in documents:
            files.update(dict.fromkeys(self._merged(path, document, open_files).files))
            files.update(dict.fromkeys(tables_of(document, path)))
        return list(files)


def names_in(path: str) -> list[str]:
    """Return the names of the rows of a file, without reading what it includes; none if it has an error.

    Args:
        path: The file.
    """
    try:
        found = list(Reader(follow_includes=False).definitions(path, []))
    except TaskFileError:
        return []
    return [str(_own_name(keys)) for keys, line in found if line]


def _own_name(document: Keys) -> str | None:
    for key in ("group", "task"):
        if document.data.get(key) is not None:
            return str(document.data[key])
    return None


def _line(keys: Keys, document: Keys) -> int:
    for key in ("group", "task"):
        if key in document.origins and keys.data.get(key) is not None:
            return document.origins[key].line
    return min((origin.line for origin in document.origins.values()), default=1)


class _Named(NamedTuple):
    """The rows of a document by name, as long as the document and its tables are the same."""

    document: Keys
    stamps: list[tuple[int, int]]
    rows: dict[str, Written]


_named: dict[tuple[str, int], _Named] = {}


def _rows_by_name(
    path: str, number: int, documents: tuple[Keys, ...], parse: Callable[[str], tuple[Keys, ...]]
) -> dict[str, Written]:
    document = documents[number]
    stamps = [_stamp(table) for table in tables_of(document, path)]
    known = _named.get((path, number))
    if known is not None and known.document is document and known.stamps == stamps:
        return known.rows
    rows: dict[str, Written] = {}
    for row in written_rows(document, path, []):
        rows.setdefault(row.name, row)
    if parse is parse_file:
        _named[path, number] = _Named(document, stamps, rows)
    return rows


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (-1, -1)
    return found.st_size, found.st_mtime_ns
