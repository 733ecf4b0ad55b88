"""One YAML file as Python values, with its line numbers and without running any of its functions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from lm_eval.errors import TaskFileError

__all__ = ["FunctionRef", "ParsedFile", "parse_file", "parse_keys"]

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """What ``!function module.name`` stands for until it is imported.

    Attributes:
        name: The dotted text after the tag.
        path: The file it stands in.
        line: Its line, counted from 1.
    """

    name: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.path).parent / self.name}"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A parsed file. It is shared by all that include it, so it must not be changed.

    Attributes:
        data: Its keys; functions as ``FunctionRef``.
        lines: The line of each key, counted from 1.
    """

    data: dict[str, Any]
    lines: dict[str, int]


class _Loader(_Base):  # type: ignore[misc]
    """The safe YAML loader, in C where that is built, with ``!function``."""

    path = ""


def _function(loader: _Loader, node: yaml.Node) -> FunctionRef:
    line = node.start_mark.line + 1
    name = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
    if "." not in name.strip("."):
        raise TaskFileError(f"!function needs 'module.name', got {name!r}", path=loader.path, line=line)
    return FunctionRef(name, loader.path, line)


_Loader.add_constructor("!function", _function)


def parse_file(path: str | Path) -> ParsedFile:
    """Read a YAML file, or take it from memory when its size and time have not changed.

    Args:
        path: The file.

    Returns:
        Its keys and their lines.

    Raises:
        TaskFileError: It cannot be read, is no YAML or no mapping.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    return _parse(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2048)
def _parse(path: str, size: int, mtime_ns: int) -> ParsedFile:
    return _read(path, None)


def parse_keys(path: str, keys: frozenset[str]) -> dict[str, Any]:
    """Read only some keys of a YAML file; the others cost next to nothing.

    Args:
        path: The file.
        keys: The keys wanted.

    Returns:
        Those of them the file has.

    Raises:
        TaskFileError: It cannot be read, is no YAML or no mapping.
    """
    return _read(path, keys).data


def _read(path: str, keys: frozenset[str] | None) -> ParsedFile:
    try:
        with open(path, "rb", buffering=0) as file:
            loader = _Loader(file.read())
        loader.path = path
        try:
            return _construct(loader, keys)
        finally:
            loader.dispose()
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise TaskFileError(f"not valid YAML: {said}", path=path, line=mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise TaskFileError(f"not valid YAML: {' '.join(str(error).split())}", path=path) from error
    except (ValueError, TypeError, OverflowError) as error:
        # An explicit tag whose value does not fit it, such as an impossible date.
        raise TaskFileError(f"a value cannot be read: {error}", path=path) from error


def _construct(loader: Any, keys: frozenset[str] | None) -> ParsedFile:
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        kind = "empty" if root is None else f"a {root.id}"
        raise TaskFileError(f"a task file is a mapping of keys, this one is {kind}", path=loader.path)
    loader.flatten_mapping(root)
    if keys is not None:
        # The last of equal keys stands, as it does in a whole mapping.
        found = {key.value: value for key, value in root.value if key.value in keys}
        return ParsedFile({key: loader.construct_document(value) for key, value in found.items()}, {})
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in root.value}
    data = loader.construct_document(root)
    return ParsedFile({str(key): value for key, value in data.items()}, lines)
