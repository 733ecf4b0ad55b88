"""Lists names with what the index knows about them, and selects some of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.task_files.entry import Kind
from lm_eval.task_files.roots import BUILTIN

if TYPE_CHECKING:
    from lm_eval.task_files.families import Family
    from lm_eval.task_files.manager import TaskManager

__all__ = [
    "KINDS",
    "Listed",
    "ListedFamily",
    "listed",
    "listed_families",
    "matches",
    "select",
    "source_of",
    "with_families",
]

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
        languages: The ISO 639-3 codes of its languages, where a README states them; see `with_families`.
        skills: The skills it needs, where a README states them; see `with_families`.
    """

    name: str
    kind: str
    output_type: str
    dataset: str
    family: tuple[str, ...]
    source: str
    path: str
    tags: tuple[str, ...]
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    line: int = 0

    @property
    def place(self) -> str:
        """The source, with the line if the file defines more names."""
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class ListedFamily:
    """A family of tasks, for a list.

    Attributes:
        name: The folder of its task files.
        title: What it is called.
        tasks: The number of its single tasks that were selected.
        languages: The ISO 639-3 codes of the languages of these tasks, sorted.
        skills: The skills that these tasks need, sorted.
        licence: The licence of the data; empty if it is not stated.
        paper: The address of the paper; empty if it is not stated.
    """

    name: str
    title: str
    tasks: int
    languages: tuple[str, ...]
    skills: tuple[str, ...]
    licence: str
    paper: str


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
                line=entry.line,
            )
        )
    return found


def with_families(names: Iterable[Listed], known: Mapping[str, Family]) -> list[Listed]:
    """Add what the READMEs of families state about languages and skills.

    Args:
        names: The names.
        known: The families by name, as `lm_eval.task_files.families.families` reads them.

    Returns:
        The names, in the given order.
    """
    found = []
    for item in names:
        own = [known[family] for family in item.family if family in known]
        languages = dict.fromkeys(code for family in own for code in family.languages_of(item.name))
        skills = dict.fromkeys(skill for family in own for skill in family.skills_of(item.name))
        found.append(replace(item, languages=tuple(languages), skills=tuple(skills)))
    return found


def listed_families(
    tasks: Iterable[Listed], known: Mapping[str, Family], patterns: Sequence[str] = ()
) -> list[ListedFamily]:
    """Describe the families of some tasks.

    Args:
        tasks: The tasks, as `with_families` returns them.
        known: The families by name.
        patterns: As for `matches`, about the names of families; empty selects all.

    Returns:
        The families with at least one of the tasks, sorted by name.
    """
    members: dict[str, list[Listed]] = {}
    for task in tasks:
        for name in task.family:
            if not patterns or matches(name, patterns):
                members.setdefault(name, []).append(task)
    found = []
    for name, items in sorted(members.items()):
        languages = tuple(sorted({code for item in items for code in item.languages}))
        skills = tuple(sorted({skill for item in items for skill in item.skills}))
        about = known.get(name)
        title, licence, paper = (about.title, about.licence, about.paper) if about else ("", "", "")
        found.append(ListedFamily(name, title, len(items), languages, skills, licence, paper))
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
    language: str | None = None,
    skill: str | None = None,
) -> list[Listed]:
    """Select names; a name must meet all conditions.

    Args:
        names: The names.
        kind: A key of ``KINDS``.
        patterns: As for ``matches``; any may match. Empty selects all.
        family: A folder of task files, or a glob of folders; None selects all.
        output_type: The output type of tasks, without groups and tags; None selects all.
        language: The code or name of a language; the code of a macrolanguage, such as ``ara``, stands for its members
            too. None selects all. The names need `with_families`.
        skill: One of ``lm_eval.task_files.families.SKILLS``; None selects all. The names need `with_families`.

    Returns:
        The names that fit, in the given order.

    Raises:
        ConfigError: No name has that family, or the output type, the language or the skill does not exist.
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
    codes = None if language is None else _codes(language)
    if skill is not None:
        from lm_eval.task_files.families import SKILLS

        if skill not in SKILLS:
            near = did_you_mean(skill, SKILLS)
            raise ConfigError(f"Unknown skill {skill!r}; it is one of {', '.join(SKILLS)}.{near}")
    words = {_WORDS[wanted] for wanted in KINDS[kind] if wanted in _WORDS}
    return [
        item
        for item in names
        if item.kind in words
        and (not patterns or matches(item.name, patterns))
        and (family is None or any(_matches_family(known, family) for known in item.family))
        and (output_type is None or item.output_type == output_type)
        and (codes is None or not codes.isdisjoint(item.languages))
        and (skill is None or skill in item.skills)
    ]


def _codes(word: str) -> set[str]:
    """Return the code of a language, and of those that it includes."""
    from lm_eval.task_files.languages import find_language, languages

    code = find_language(word).code
    return {code, *(language.code for language in languages().values() if language.included_in == code)}


def _matches_family(family: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(family.lower(), pattern.lower())
