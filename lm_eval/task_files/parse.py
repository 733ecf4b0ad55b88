"""Parses one YAML file into Python values, with line numbers, without running any of its functions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from lm_eval.errors import TaskFileError

__all__ = ["FunctionRef", "Keys", "Origin", "parse_file", "parse_keys"]

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    # In C where PyYAML was built with libyaml.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


class Keys(NamedTuple):
    """The keys of one file, or of a file and the files it includes.

    Attributes:
        data: The values; functions as ``FunctionRef``. They are shared and must not be changed.
        origins: Where each key is written.
    """

    data: dict[str, object]
    origins: dict[str, Origin]


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


def parse_file(path: str | Path) -> Keys:
    """Parse a YAML file; the result is cached in memory until the file's size or modification time changes.

    Args:
        path: The file.

    Returns:
        The keys and their origins; all callers share the object.

    Raises:
        TaskFileError: The file cannot be read, is not YAML or not a mapping.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise TaskFileError(f"cannot be read: {error.strerror or error}", path=path) from error
    return _parse(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2048)
def _parse(path: str, size: int, mtime_ns: int) -> Keys:
    return _read(path, None)


def parse_keys(path: str, keys: frozenset[str]) -> dict[str, object]:
    """Parse only some keys of a YAML file, which is faster than all of them.

    Args:
        path: The file.
        keys: The names of the keys.

    Returns:
        The values of the keys that the file has.

    Raises:
        TaskFileError: The file cannot be read, is not YAML or not a mapping.
    """
    return _read(path, keys).data


def _read(path: str, keys: frozenset[str] | None) -> Keys:
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
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise TaskFileError(f"not valid YAML: {problem}", path=path, line=mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise TaskFileError(f"not valid YAML: {' '.join(str(error).split())}", path=path) from error
    except (ValueError, TypeError, OverflowError) as error:
        # A value that does not fit its tag, such as an impossible date.
        raise TaskFileError(f"a value cannot be read: {error}", path=path) from error


def _keep_choices(root: yaml.Node) -> None:
    """Make the choices in ``doc_to_choice`` texts, as they are written: YAML reads yes and no as booleans."""
    pending, seen = [root], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            pending.append(value)
            if key.value == "doc_to_choice" and not isinstance(value, yaml.ScalarNode):
                for choice in (
                    value.value if isinstance(value, yaml.SequenceNode) else [pair[1] for pair in value.value]
                ):
                    if choice.tag in _SCALARS:
                        choice.tag = "tag:yaml.org,2002:str"


def _construct(loader: _Loader, keys: frozenset[str] | None) -> Keys:
    root = loader.get_single_node()
    if not isinstance(root, yaml.MappingNode):
        kind = "empty" if root is None else "a sequence" if isinstance(root, yaml.SequenceNode) else "a scalar"
        raise TaskFileError(f"a task file is a mapping of keys, this one is {kind}", path=loader.path)
    loader.flatten_mapping(root)
    _keep_choices(root)
    if keys is not None:
        # The last of equal keys wins, as in a complete mapping.
        found = {key.value: value for key, value in root.value if key.value in keys}
        return Keys({key: loader.construct_document(value) for key, value in found.items()}, {})
    origins = {str(key.value): Origin(loader.path, key.start_mark.line + 1) for key, _ in root.value}
    data = loader.construct_document(root)
    return Keys({str(key): value for key, value in data.items()}, origins)
