"""Names with what the index knows about them, and picking some of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.task import OUTPUT_TYPES
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
"""What ``ls`` lists, by word; ``tasks`` is everything a run takes."""

_WORDS = {Kind.TASK: "task", Kind.PY_TASK: "task", Kind.GROUP: "group", Kind.TAG: "tag"}
_DEFAULT_OUTPUT_TYPE = "generate_until"


@dataclass(frozen=True, slots=True)
class Listed:
    """A name and what the index knows about it.

    Attributes:
        name: The name.
        kind: ``task``, ``group`` or ``tag``.
        output_type: What a task asks of the model; empty for a group, a tag, and a Python task that does not say.
        dataset: A task's dataset: its path, and its name where it has one.
        family: The folders it comes from; a tag has those of its tasks.
        source: Its file, relative to the folder of tasks it lies in; empty for a tag.
        path: Its file.
        tags: A task's tags; of a tag, its tasks.
    """

    name: str
    kind: str
    output_type: str
    dataset: str
    family: tuple[str, ...]
    source: str
    path: str
    tags: tuple[str, ...]


def source_of(manager: TaskManager, path: str | Path) -> str:
    """Tell where in the folders of tasks a file lies.

    Args:
        manager: Knows the folders.
        path: The file.

    Returns:
        Its path from our folder of tasks; with that folder's name in front, from another one; else as it is.
    """
    return _placed(str(path), _roots(manager))[0]


def _roots(manager: TaskManager) -> list[tuple[str, str]]:
    """Return the folders of tasks with what stands for each, inner ones before those around them."""
    roots = [
        (str(Path(root).absolute()), "" if root == BUILTIN else f"{Path(root).absolute().name}/")
        for root in manager.roots
    ]
    return sorted(roots, key=lambda root: -len(root[0]))


def _placed(path: str, roots: Sequence[tuple[str, str]]) -> tuple[str, str]:
    for root, shown in roots:
        if path.startswith(f"{root}/") or path.startswith(f"{root}\\"):
            inside = path[len(root) + 1 :].replace("\\", "/")
            family = inside.partition("/")[0] if "/" in inside else Path(root).name
            return shown + inside, family
    return path, Path(path).parent.name


def listed(manager: TaskManager) -> list[Listed]:
    """Describe all names from the index; no file is read.

    Args:
        manager: Knows the names.

    Returns:
        The names with what is known, sorted by name.
    """
    roots, index = _roots(manager), manager.task_index
    placed = {name: _placed(str(entry._path), roots) for name, entry in index.items() if entry._path is not None}
    found = []
    for name in sorted(index):
        entry = index[name]
        source, family = placed.get(name, ("", ""))
        families = {family} if family else {placed[task][1] for task in entry.tags if task in placed}
        output_type = entry.output_type or (_DEFAULT_OUTPUT_TYPE if entry.kind is Kind.TASK else "")
        found.append(
            Listed(
                name,
                _WORDS[entry.kind],
                output_type if entry.kind in KINDS["subtasks"] else "",
                entry.dataset if entry.kind in KINDS["subtasks"] else "",
                tuple(sorted(families)),
                source,
                "" if entry._path is None else str(entry._path),
                tuple(sorted(entry.tags)),
            )
        )
    return found


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name matches one of some patterns.

    Args:
        name: The name.
        patterns: Globs; a word without ``*``, ``?`` or ``[`` matches anywhere in a name. Case does not count.
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
    """Pick names.

    Args:
        names: The names.
        kind: A key of ``KINDS``.
        patterns: As for ``matches``; none takes all.
        family: A folder of task files, or a glob of folders.
        output_type: What a task asks; leaves groups and tags out.

    Returns:
        Those that fit, in their order.

    Raises:
        ConfigError: There is no such family or output type at all.
    """
    names = list(names)
    if output_type is not None and output_type not in OUTPUT_TYPES:
        near = did_you_mean(output_type, OUTPUT_TYPES)
        raise ConfigError(f"Unknown output type {output_type!r}; it is one of {', '.join(OUTPUT_TYPES)}.{near}")
    families = {one for item in names for one in item.family}
    if family is not None and not any(matches_family(one, family) for one in families):
        raise ConfigError(f"There is no family {family!r}.{did_you_mean(family, families)}")
    words = {_WORDS[wanted] for wanted in KINDS[kind] if wanted in _WORDS}
    return [
        item
        for item in names
        if item.kind in words
        and (not patterns or matches(item.name, patterns))
        and (family is None or any(matches_family(one, family) for one in item.family))
        and (output_type is None or item.output_type == output_type)
    ]


def matches_family(name: str, pattern: str) -> bool:
    """Tell whether a family is the one wanted, or matches its glob.

    Args:
        name: The family.
        pattern: Its name or a glob.
    """
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())
