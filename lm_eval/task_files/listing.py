"""Lists names with what the index knows about them, and selects some of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.task_files.entry import Kind
from lm_eval.task_files.roots import BUILTIN

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["KINDS", "Listed", "listed", "matches", "select", "source_of"]

KINDS = {
    "tasks": frozenset(Kind),
    "groups": frozenset({Kind.GROUP}),
    "subtasks": frozenset({Kind.TASK, Kind.PY_TASK}),
    "tags": frozenset({Kind.TAG}),
}
"""The words of ``lm_eval ls`` and what they list; ``tasks`` is everything that ``--tasks`` accepts."""

_WORDS = {Kind.TASK: "task", Kind.PY_TASK: "task", Kind.GROUP: "group", Kind.TAG: "tag"}
_DEFAULT_OUTPUT_TYPE = "generate_until"


@dataclass(frozen=True, slots=True)
class Listed:
    """A name and what the index knows about it.

    Attributes:
        name: The name.
        kind: ``task``, ``group`` or ``tag``.
        output_type: The output type of a task; empty for a group, a tag, and a Python task whose file has none.
        dataset: The dataset of a task: its path, and its name if it has one.
        family: The folders of task files it comes from; for a tag, those of its tasks.
        source: The file, relative to its root; empty for a tag.
        path: The file; empty for a tag.
        tags: The tags of a task; for a tag, its tasks.
    """

    name: str
    kind: str
    output_type: str
    dataset: str
    family: tuple[str, ...]
    source: str
    path: str
    tags: tuple[str, ...]


def source_of(manager: TaskManager, path: str) -> str:
    """Return a file's path relative to its root.

    Args:
        manager: Knows the roots.
        path: The file.

    Returns:
        The path within the library of this package; for another root, with the name of the root's folder in front;
        for a file outside all roots, the path as it is.
    """
    return _source_and_family(path, _roots(manager))[0]


def _roots(manager: TaskManager) -> list[tuple[str, str]]:
    """Return the roots and the prefix that stands for each, inner folders before those around them."""
    roots = [(root.absolute(), "" if root == BUILTIN else f"{root.absolute().name}/") for root in manager.roots]
    return sorted(((str(root), prefix) for root, prefix in roots), key=lambda root: -len(root[0]))


def _source_and_family(path: str, roots: Sequence[tuple[str, str]]) -> tuple[str, str]:
    for root, prefix in roots:
        if path.startswith(f"{root}/") or path.startswith(f"{root}\\"):
            inside = path[len(root) + 1 :].replace("\\", "/")
            family = inside.partition("/")[0] if "/" in inside else Path(root).name
            return prefix + inside, family
    return path, Path(path).parent.name


def listed(manager: TaskManager) -> list[Listed]:
    """Describe all names from the index; no file is read.

    Args:
        manager: Knows the names.

    Returns:
        The names with what is known about them, sorted by name.
    """
    roots, index = _roots(manager), manager.task_index
    places = {name: _source_and_family(entry.file, roots) for name, entry in index.items() if entry.file is not None}
    found = []
    for name in sorted(index):
        entry = index[name]
        source, family = places.get(name, ("", ""))
        families = {family} if family else {places[task][1] for task in entry.tags if task in places}
        is_task = entry.kind in KINDS["subtasks"]
        default = _DEFAULT_OUTPUT_TYPE if entry.kind is Kind.TASK else ""
        found.append(
            Listed(
                name,
                _WORDS[entry.kind],
                output_type=(entry.output_type or default) if is_task else "",
                dataset=entry.dataset if is_task else "",
                family=tuple(sorted(families)),
                source=source,
                path=entry.file or "",
                tags=tuple(sorted(entry.tags)),
            )
        )
    return found


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name matches any of some patterns; case does not matter.

    Args:
        name: The name.
        patterns: Globs; a word without ``*``, ``?`` or ``[`` matches anywhere in a name.
    """
    low = name.lower()
    return any(
        fnmatch.fnmatchcase(low, pattern.lower()) if set("*?[") & set(pattern) else pattern.lower() in low
        for pattern in patterns
    )


def select(
    names: Iterable[Listed],
    kind: str = "tasks",
    patterns: Sequence[str] = (),
    family: str | None = None,
    output_type: str | None = None,
) -> list[Listed]:
    """Select names; a name must meet all conditions.

    Args:
        names: The names.
        kind: A key of ``KINDS``.
        patterns: As for ``matches``; any may match. Empty selects all.
        family: A folder of task files, or a glob of folders; None selects all.
        output_type: The output type of tasks, without groups and tags; None selects all.

    Returns:
        The names that fit, in the given order.

    Raises:
        ConfigError: No name has that family, or the output type does not exist.
    """
    names = list(names)
    if output_type is not None:
        from lm_eval.config.task import OUTPUT_TYPES  # Not needed, and slow to import, for a plain list.

        if output_type not in OUTPUT_TYPES:
            near = did_you_mean(output_type, OUTPUT_TYPES)
            raise ConfigError(f"Unknown output type {output_type!r}; it is one of {', '.join(OUTPUT_TYPES)}.{near}")
    families = {known for item in names for known in item.family}
    if family is not None and not any(_matches_family(known, family) for known in families):
        raise ConfigError(f"There is no family {family!r}.{did_you_mean(family, families)}")
    words = {_WORDS[wanted] for wanted in KINDS[kind] if wanted in _WORDS}
    return [
        item
        for item in names
        if item.kind in words
        and (not patterns or matches(item.name, patterns))
        and (family is None or any(_matches_family(known, family) for known in item.family))
        and (output_type is None or item.output_type == output_type)
    ]


def _matches_family(family: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(family.lower(), pattern.lower())
