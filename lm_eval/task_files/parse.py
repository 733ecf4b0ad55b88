"""Parses one YAML file into Python values, with line numbers, without running any of its functions."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from lm_eval.errors import TaskFileError

__all__ = ["FunctionRef", "Keys", "Origin", "Repeated", "RowLines", "parse_file", "parse_keys"]

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    # In C where PyYAML was built with libyaml.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_TOO_DEEP = "lists and mappings are nested too deeply"
_MAX_BYTES = 32_000_000
_MAX_DEPTH = 100
"""Maximum number of lists and mappings within each other; Python's recursion limit is not far above."""
_MAX_ALIASED = 100_000
"""Maximum number of values that aliases may add: nested ones make billions of values from a few lines."""


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A ``!function module.name`` that is not yet imported.

    Attributes:
        name: The dotted text after the tag.
        path: The file that contains the tag.
        line: The line of the tag, counted from 1.
    """

    name: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.path).parent / self.name}"


class Origin(NamedTuple):
    """Where a key is written; the line is counted from 1."""

    path: str
    line: int


class Repeated(NamedTuple):
    """A key that a mapping has more than once, with different values; the last one counts.

    Attributes:
        path: The file.
        key: The key.
        first: The line where the key is written first, counted from 1.
        line: The line where it is written last.
    """

    path: str
    key: str
    first: int
    line: int

    def __str__(self) -> str:
        lines = f"lines {self.first} and {self.line}" if self.first != self.line else f"line {self.line}"
        return f"{self.key!r} is written twice, in {lines} of {self.path}; the last one counts"


class RowLines(NamedTuple):
    """Where a row of a ``task_list`` and its keys are written; lines are counted from 1."""

    line: int
    keys: dict[str, int]
    repeated: tuple[Repeated, ...] = ()


class Keys(NamedTuple):
    """The keys of one document of a file, or of a document and the files it includes.

    Attributes:
        data: The values; functions as ``FunctionRef``. They are shared and must not be changed.
        origins: Where each key is written.
        rows: Where each row of the document's ``task_list`` is written.
        repeated: Keys that are written more than once, outside the rows.
    """

    data: dict[str, object]
    origins: dict[str, Origin]
    rows: tuple[RowLines, ...] = ()
    repeated: tuple[Repeated, ...] = ()


_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.(0|\d*[1-9]))?")
_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "int", "float", "timestamp")}


class _Loader(_Base):
    """The safe YAML loader with ``!function``."""

    path = ""


def _function(loader: _Loader, node: yaml.Node) -> FunctionRef:
    line = node.start_mark.line + 1
    name = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
    if "." not in name.strip("."):
        raise TaskFileError(f"!function needs 'module.name', got {name!r}", path=loader.path, line=line)
    return FunctionRef(name, loader.path, line)


_Loader.add_constructor("!function", _function)


def parse_file(path: str | Path) -> tuple[Keys, ...]:
    """Parse a YAML file; the result is cached in memory until the file's size or modification time changes.

    Args:
        path: The file.

    Returns:
        The keys and origins of each of its documents, at least one; all callers share the objects.

    Raises:
        TaskFileError: The file cannot be read, is not YAML, or a document is not a mapping.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    return _parse(str(path), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2048)
def _parse(path: str, size: int, mtime_ns: int) -> tuple[Keys, ...]:
    return _read(path, None)


def parse_keys(path: str, keys: frozenset[str]) -> tuple[Keys, ...]:
    """Parse only some keys of a YAML file, which is faster than all of them.

    Args:
        path: The file.
        keys: The names of the keys, at the top of a document and in the rows of its ``task_list``.

    Returns:
        The keys of each document. The origins are left out where a file has one document without a ``task_list``.

    Raises:
        TaskFileError: The file cannot be read, is not YAML, or a document is not a mapping.
    """
    return _read(path, keys)


def _read(path: str, keys: frozenset[str] | None) -> tuple[Keys, ...]:
    try:
        content = _content(path)
        loader = _Loader(content)
        loader.path = path
        try:
            if b"\n---" not in content and b"\n..." not in content:
                # The most frequent case, in the fastest way.
                root = loader.get_single_node()
                return (_construct(loader, _checked(root, path, None), keys, keys is None),)
            roots = _documents(loader)
            return tuple(_construct(loader, root, keys, keys is None or len(roots) > 1) for root in roots)
        finally:
            loader.dispose()
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise TaskFileError(f"not valid YAML: {problem}", path=path, line=mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise TaskFileError(f"not valid YAML: {' '.join(str(error).split())}", path=path) from error
    except RecursionError as error:
        raise TaskFileError(_TOO_DEEP, path=path) from error
    except (ValueError, TypeError, OverflowError) as error:
        # A value that does not fit its tag, such as an impossible date.
        raise TaskFileError(f"a value cannot be read: {error}", path=path) from error


def _documents(loader: _Loader) -> list[yaml.MappingNode]:
    """Return the documents of a file; empty ones, such as after a last ``---``, are left out."""
    nodes: list[yaml.Node | None] = []
    while loader.check_node():
        nodes.append(loader.get_node())
    filled = [node for node in nodes if node is not None and (node.tag, node.value) != (_NULL, "")]
    if not filled:
        return [_checked(None, loader.path, None)]
    return [_checked(node, loader.path, node.start_mark.line + 1 if len(filled) > 1 else None) for node in filled]


def _checked(node: yaml.Node | None, path: str, line: int | None) -> yaml.MappingNode:
    if isinstance(node, yaml.MappingNode):
        return node
    kind = "empty" if node is None else "a sequence" if isinstance(node, yaml.SequenceNode) else "a scalar"
    raise TaskFileError(f"a task file is a mapping of keys, this one is {kind}", path=path, line=line)


def _keep_cells(nodes: Iterable[yaml.Node]) -> None:
    """Make the cells of inline tables texts, as they are written, but for plain numbers.

    YAML reads ``no``, the code of Norwegian, as a boolean, and 010 as 8.
    """
    for node in nodes:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            for cell in _scalars_below(value) if key.value == "each" else ():
                if cell.tag != "!function" and not (cell.tag in _SCALARS and _NUMBER.fullmatch(cell.value)):
                    cell.tag = "tag:yaml.org,2002:str"


def _scalars_below(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, yaml.ScalarNode):
            yield current
        else:
            pending += [pair[1] for pair in current.value] if isinstance(current, yaml.MappingNode) else current.value


def _keep_choices(nodes: Iterable[yaml.Node]) -> None:
    """Make the choices in ``doc_to_choice`` texts, as they are written: YAML reads yes and no as booleans."""
    for node in nodes:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value != "doc_to_choice" or isinstance(value, yaml.ScalarNode):
                continue
            for choice in value.value if isinstance(value, yaml.SequenceNode) else [pair[1] for pair in value.value]:
                if choice.tag in _SCALARS:
                    choice.tag = "tag:yaml.org,2002:str"


def _content(path: str) -> bytes:
    """Read a regular file; a pipe or a device might never end."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise TaskFileError("is no regular file", path=path)
    if found.st_size > _MAX_BYTES:
        raise TaskFileError(f"has {found.st_size:,} bytes, which is too long for a task file", path=path)
    with open(path, "rb", buffering=0) as file:
        return file.read(_MAX_BYTES)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _distinct(roots: Iterable[yaml.Node], path: str) -> list[yaml.Node]:
    """Return the nodes below some nodes, each once, the innermost first.

    Nodes that contain themselves, are nested too deeply, or become too many where aliases are replaced, are refused.
    """
    nodes: list[yaml.Node] = []
    depths: dict[int, int] = {}
    sizes: dict[int, int] = {}
    pending = [(root, False) for root in roots]
    while pending:
        node, entered = pending.pop()
        mark = id(node)
        if not entered:
            if mark in sizes:
                if not sizes[mark]:
                    line = node.start_mark.line + 1
                    raise TaskFileError("a value contains itself through an alias", path=path, line=line)
                continue
            sizes[mark] = 0  # until it is complete
            pending.append((node, True))
            pending += [(child, False) for child in _children(node)]
            continue
        children = _children(node)
        sizes[mark] = 1 + sum(sizes[id(child)] for child in children)
        depths[mark] = 1 + max((depths[id(child)] for child in children), default=0)
        line = node.start_mark.line + 1
        if depths[mark] > _MAX_DEPTH:
            raise TaskFileError(_TOO_DEEP, path=path, line=line)
        if sizes[mark] > _MAX_ALIASED + 2 * len(sizes):
            raise TaskFileError(f"aliases make {sizes[mark]:,} values of {len(sizes):,}", path=path, line=line)
        nodes.append(node)
    return nodes


def _repeats(nodes: Iterable[yaml.Node], path: str) -> list[tuple[yaml.Mark, Repeated]]:
    """Find the keys that a mapping has more than once with different values, and where the mapping starts."""
    found = []
    for current in nodes:
        written: dict[tuple[str, str], tuple[yaml.Node, yaml.Node]] = {}
        for key, value in current.value if isinstance(current, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                continue
            first, before = written.setdefault((key.tag, key.value), (key, value))
            if before is not value and not _equal(before, value):
                lines = (first.start_mark.line + 1, key.start_mark.line + 1)
                found.append((current.start_mark, Repeated(path, key.value, *lines)))
    return found


def _equal(one: yaml.Node, other: yaml.Node) -> bool:
    if isinstance(one, yaml.ScalarNode) or isinstance(other, yaml.ScalarNode):
        return (one.tag, one.value) == (other.tag, other.value)
    parts, others = _children(one), _children(other)
    return one.tag == other.tag and len(parts) == len(others) and all(map(_equal, parts, others))


def _construct(loader: _Loader, root: yaml.MappingNode, keys: frozenset[str] | None, located: bool) -> Keys:
    if keys is not None:
        return _construct_some(loader, root, keys, located)
    nodes = _distinct([root], loader.path)
    repeats = _repeats(nodes, loader.path)
    loader.flatten_mapping(root)
    _keep_choices(nodes)
    _keep_cells(nodes)
    data = {str(key): value for key, value in loader.construct_document(root).items()}
    rows = _row_lines(root, repeats)
    in_rows = {repeated for row in rows for repeated in row.repeated}
    rest = tuple(repeated for _, repeated in repeats if repeated not in in_rows)
    return Keys(data, _origins(loader, root), rows, rest)


def _construct_some(loader: _Loader, root: yaml.MappingNode, keys: frozenset[str], located: bool) -> Keys:
    # The index reads files with equal keys, so that their names are known; the last of equal keys wins.
    root.value = [(key, value) for key, value in root.value if key.value in keys or key.tag == _MERGE]
    rows = [row for row in _rows(root) if isinstance(row, yaml.MappingNode)]
    for row in rows:
        row.value = [(key, value) for key, value in row.value if key.value in keys or key.tag == _MERGE]
    _distinct([value for _, value in root.value], loader.path)
    _keep_cells(rows)
    loader.flatten_mapping(root)
    found = {key.value: value for key, value in root.value if key.value in keys}
    data = {key: loader.construct_document(value) for key, value in found.items()}
    if not located and "task_list" not in data:
        return Keys(data, {})
    return Keys(data, _origins(loader, root), _row_lines(root))


def _origins(loader: _Loader, root: yaml.MappingNode) -> dict[str, Origin]:
    return {str(key.value): Origin(loader.path, key.start_mark.line + 1) for key, _ in root.value}


def _rows(root: yaml.MappingNode) -> list[yaml.Node]:
    """Return the nodes in the ``task_list`` of a document."""
    lists = [value for key, value in root.value if key.value == "task_list"]
    return list(lists[-1].value) if lists and isinstance(lists[-1], yaml.SequenceNode) else []


def _row_lines(root: yaml.MappingNode, repeats: Iterable[tuple[yaml.Mark, Repeated]] = ()) -> tuple[RowLines, ...]:
    found = []
    for row in _rows(root):
        pairs = row.value if isinstance(row, yaml.MappingNode) else ()
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in pairs}
        start, end = row.start_mark.index, row.end_mark.index
        inside = tuple(repeated for mark, repeated in repeats if start <= mark.index < end)
        found.append(RowLines(row.start_mark.line + 1, lines, inside))
    return tuple(found)
