"""The index: the names of tasks, groups and tags, and the files they come from."""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from lm_eval.errors import TaskFileError
from lm_eval.task_files.entry import Entry, Kind, entries_of
from lm_eval.task_files.index_cache import scan
from lm_eval.task_files.paths import SUFFIXES, files_named
from lm_eval.text import first_names

__all__ = [
    "Entry",
    "Kind",
    "TaskIndex",
    "entries_in_file",
    "entries_named",
    "entry_in_file",
    "match_names",
    "row_problems",
    "with_entries",
]

eval_logger = logging.getLogger("lm_eval")


class TaskIndex:
    """Builds the index from folders of task files."""

    def __init__(self, *, meta: Mapping[str, object] | None = None) -> None:
        """Create the object; all methods are static.

        Args:
            meta: Ignored; kept for compatibility with the reference harness.
        """

    @staticmethod
    def build(paths: Iterable[str | Path], *, resolve_includes: bool = True) -> dict[str, Entry]:
        """Index folders of task files without importing any code.

        Within one folder the first file with a name wins; a later folder overrides an earlier one. Both cases log a
        warning.

        Args:
            paths: The folders; a later one wins.
            resolve_includes: Ignored; kept for compatibility with the reference harness.

        Returns:
            Name to entry.
        """
        index: dict[str, Entry] = {}
        for root in paths:
            _add_root(index, Path(root))
        return index

    @staticmethod
    def entry_from_path(path: str | Path) -> Entry | None:
        """Read one file.

        Args:
            path: A task file.

        Returns:
            The first entry in the file, or None for a fragment.

        Raises:
            TaskFileError: The file has an error.
        """
        return next(iter(entries_in_file(path)), None)

    @staticmethod
    def entry_from_config(cfg: dict[str, object]) -> Entry | None:
        """Create the entry of a config that comes from no file.

        Args:
            cfg: The config.

        Returns:
            The entry, or None for a fragment.

        Raises:
            TaskFileError: The name is not a string.
        """
        return next(iter(entries_of(cfg)), None)


def entries_in_file(path: str | Path) -> list[Entry]:
    """Return the entries that a file defines.

    Args:
        path: A task file.

    Returns:
        The entries; none for a fragment.

    Raises:
        TaskFileError: The file has an error.
    """
    from lm_eval.task_files.reader import Reader

    problems: list[TaskFileError] = []
    found = list(Reader().definitions(os.path.abspath(path), problems))
    if problems and not found:
        raise problems[0]
    for problem in problems:
        eval_logger.warning("%s", problem)
    return [entry for keys, line in found for entry in entries_of(keys.data, path, line)]


def entry_in_file(name: str) -> tuple[Entry, list[Entry]] | None:
    """Find ``file.yaml#name``, as ``config_source`` in results has it.

    Args:
        name: The path of a task file and a name in it.

    Returns:
        The entry, and all entries of its file; None if the text has another form or the file lacks the name.

    Raises:
        TaskFileError: The file has an error.
    """
    path, sign, inner = name.rpartition("#")
    if not sign or not path.endswith((".yaml", ".yml")) or not os.path.isfile(path):
        return None
    entries = entries_in_file(os.path.realpath(path))
    found = next((entry for entry in entries if entry.name == inner), None)
    return None if found is None else (found, entries)


def entries_named(item: str) -> list[Entry]:
    """Return what a path stands for, where a path is given as a name.

    Args:
        item: The path of a task file, ``file.yaml#name``, a folder, or a pattern of paths.

    Returns:
        The entries; none if the text is no such path.

    Raises:
        TaskFileError: A file has an error, or defines nothing.
    """
    if row := entry_in_file(item):
        return [row[0]]
    single = item.endswith(SUFFIXES) and os.path.isfile(item)
    files = [os.path.realpath(item)] if single else files_named(item)
    entries = [entry for file in files for entry in entries_in_file(file)]
    if files and not entries:
        what = "neither task, group nor class" if single else "no task file with a task or a group"
        raise TaskFileError(f"{'this file is a fragment: it' if single else 'this folder'} has {what}", path=item)
    return entries


def row_problems(path: str | Path) -> list[TaskFileError]:
    """Return the errors of single rows of a file.

    Args:
        path: A task file.

    Returns:
        The errors; ``entries_in_file`` leaves these rows out.

    Raises:
        TaskFileError: The file has an error that is not one of a row.
    """
    from lm_eval.task_files.reader import Reader

    problems: list[TaskFileError] = []
    for _ in Reader().definitions(os.path.abspath(path), problems):
        pass
    return problems


def with_entries(index: Mapping[str, Entry], entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return an index in which further entries and their tags come first.

    Args:
        index: All names.
        entries: Tasks and groups, such as those of a file that is in no root.

    Returns:
        Name to entry; the given index stays as it is.
    """
    joined = dict(index)
    own = list(entries)
    joined.update((entry.name, entry) for entry in own)
    tagged: dict[str, list[str]] = {}
    for entry in own:
        for tag in entry.tags if entry.kind in (Kind.TASK, Kind.PY_TASK) else ():
            tagged.setdefault(tag, []).append(entry.name)
    for tag, names in tagged.items():
        known = joined.get(tag)
        if known is None or known.kind is Kind.TAG:
            joined[tag] = Entry(tag, Kind.TAG, tags=names)
    return joined


def match_names(patterns: Iterable[str], index: Mapping[str, Entry]) -> list[str]:
    """Return the names that match.

    Args:
        patterns: Names and glob patterns; a pattern that is itself a name stands for that name.
        index: All names.

    Returns:
        The names that match, sorted.
    """
    found: set[str] = set()
    for pattern in patterns:
        found.update([pattern] if pattern in index else fnmatch.filter(index, pattern))
    return sorted(found)


def _add_root(index: dict[str, Entry], root: Path) -> None:
    """Add the entries and tags of one root."""
    scanned = scan(root)
    if scanned.problems:
        number, first_problem = len(scanned.problems), scanned.problems[0]
        eval_logger.warning("%d task files in %s cannot be read; the first error: %s", number, root, first_problem)
    in_root: dict[str, Entry] = {}
    for entry in scanned.entries:
        first = in_root.setdefault(entry.name, entry)
        if first is not entry:
            eval_logger.warning("%r is defined twice: %s is used, %s is not", entry.name, first.file, entry.file)
    overridden = [name for name in in_root if name in index and index[name].kind is not Kind.TAG]
    if overridden:
        eval_logger.warning("%d names in %s override earlier ones: %s", len(overridden), root, first_names(overridden))
    for name in overridden:
        _remove_from_tags(index, index.pop(name))
    index.update(in_root)
    for entry in in_root.values():
        for tag in entry.tags if entry.kind in (Kind.TASK, Kind.PY_TASK) else ():
            known = index.get(tag)
            if known is None:
                index[tag] = Entry(tag, Kind.TAG, tags=[entry.name])
            elif known.kind is Kind.TAG:
                known.tags.add(entry.name)
            else:
                eval_logger.debug("Tag %r of %s is also the name of a %s", tag, entry.name, known.kind.name.lower())


def _remove_from_tags(index: dict[str, Entry], overridden: Entry) -> None:
    """Remove an overridden task from its tags, and the tags that then have no tasks."""
    for tag in overridden.tags:
        known = index.get(tag)
        if known is not None and known.kind is Kind.TAG:
            known.tags.discard(overridden.name)
            if not known.tags:
                del index[tag]
