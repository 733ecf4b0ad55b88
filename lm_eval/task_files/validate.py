"""Checks task files: loads them with all their functions, without data, and collects the ones that cannot run."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.formats import split_format
from lm_eval.errors import MissingPackageError, TaskFileError, UnknownNameError, UserError
from lm_eval.task_files.entry import Entry, Kind, names_under
from lm_eval.task_files.index import entries_in_file, entry_in_file, row_problems, with_entries
from lm_eval.task_files.paths import SUFFIXES, files_named

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["Problem", "members", "validate"]

eval_logger = logging.getLogger("lm_eval")


@dataclass(frozen=True, slots=True)
class Problem:
    """A task or group that cannot be built.

    Attributes:
        name: The name; empty for a file that cannot be read.
        reason: Why, in one line: the file, the key and its line if known, and what to install.
        missing_package: Whether installing a package solves the problem.
        is_fault: Whether the task runs, with numbers that are wrong or useless.
    """

    name: str
    reason: str
    missing_package: bool = False
    is_fault: bool = False

    def __str__(self) -> str:
        text = f"warning: {self.reason}" if self.is_fault else self.reason
        return f"{self.name}: {text}" if self.name else text


def validate(manager: TaskManager, names: Iterable[str], *, with_faults: bool = False) -> list[Problem]:
    """Build tasks and groups and collect the failures; no dataset is loaded.

    A Python task is not built, since its constructor may load data; only its class is imported.

    Args:
        manager: Knows the names.
        names: Names, glob patterns, and paths of task files or folders of them. The members of groups and tags are
            checked too. The pattern ``*`` also reports files that cannot be read.
        with_faults: Also report faults that do not stop a run, as `lm_eval.task_files.faults` finds them.

    Returns:
        One problem per name that fails, sorted by name; files that cannot be read come first, faults last.

    Raises:
        UnknownNameError: A name is not known.
    """
    from lm_eval.api.group import Group
    from lm_eval.task_files.build import Builder, task_class
    from lm_eval.task_files.faults import FaultFinder
    from lm_eval.task_files.loader import import_all
    from lm_eval.task_files.merge import merge
    from lm_eval.task_files.modules import failures_kept
    from lm_eval.task_files.resolve import Resolver

    names = list(names)
    problems = [Problem("", str(error)) for error in manager.problems()] if "*" in names else []
    manager.make_importable()
    several = {name: files_named(name) for name in names if name not in manager.task_index}
    files = [name for name in names if is_task_file(name)]
    rows = {name: row for name in names if name not in manager.task_index and (row := entry_in_file(name))}
    named = [name for name in names if name not in files and name not in rows and not several.get(name)]
    of_files = [entry for entry, _ in rows.values()]
    beside = [entry for _, entries in rows.values() for entry in entries]
    for file in [*files, *(file for group in several.values() for file in group)]:
        try:
            found = entries_in_file(Path(file).resolve())
            problems += [] if found or file not in files else [Problem("", f"{file}: defines no task and no group.")]
            of_files += found
            problems += [Problem("", str(problem)) for problem in row_problems(Path(file).resolve())]
        except UserError as error:
            problems.append(Problem("", str(error)))
    problems += _of_formats(manager, named)
    known = [name for name in named if not _is_path_with_format(name)]
    entries = [*(manager.task_index[name] for name in members(manager, known)), *of_files]
    index = with_entries(manager.task_index, [*beside, *of_files])
    finder = FaultFinder(index)
    with _quiet(), failures_kept():
        for entry in entries:
            builder = Builder(manager.metadata)
            try:
                if entry.kind is Kind.PY_TASK:
                    task_class(import_all(merge(entry, {})), entry.file)
                else:
                    if entry.kind is Kind.GROUP and _contains_itself(entry, index):
                        what = f"group {entry.name!r} contains itself"
                        raise TaskFileError(what, path=entry.file, key="task", line=entry.line or None)
                    # The members of a group that have files are checked under their names.
                    for node in Resolver(index, follow_names=False).entry(entry):
                        built = builder.build(node)
                        if not with_faults:
                            continue
                        if isinstance(built, Group):
                            finder.add_group(entry.name, built)
                        else:
                            finder.add_task(entry.name, built)
            except UserError as error:
                missing = isinstance(error, MissingPackageError)
                located = missing or (isinstance(error, TaskFileError) and error.path is not None)
                reason = (
                    str(error) if located else str(TaskFileError(str(error), path=entry.file, line=entry.line or None))
                )
                problems.append(Problem(entry.name, reason, missing))
    faults = [*finder.found(), *(_written_twice(entries) if with_faults else ())]
    return problems + [Problem(name, fault, is_fault=True) for name, fault in faults]


def _is_path_with_format(name: str) -> bool:
    base, sign, _ = name.rpartition("@")
    return bool(sign) and (is_task_file(base) or bool(files_named(base)))


def _of_formats(manager: TaskManager, names: Iterable[str]) -> list[Problem]:
    """Return why tasks and groups cannot be asked in the formats that follow their names."""
    from lm_eval.task_files.build import Builder
    from lm_eval.task_files.resolve import ResolvedGroup, ResolvedTask, select

    found: list[Problem] = []
    for name in names:
        if "@" not in name or name in manager.task_index or "::" in name:
            continue
        try:
            for node in select([name], manager.task_index, manager.unknown):
                if isinstance(node, (ResolvedTask, ResolvedGroup)):
                    Builder(manager.metadata).build(node)
        except UnknownNameError:
            raise
        except UserError as error:
            found.append(Problem(name, str(error).removeprefix(f"{name}: "), isinstance(error, MissingPackageError)))
    return found


def _contains_itself(group: Entry, index: Mapping[str, Entry]) -> bool:
    """Whether a group is a member of itself, or of the groups inside it."""
    return group.name in names_under(index, group.member_names())


def _written_twice(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """Return the keys that files have twice, each once, with the first name that it concerns."""
    from lm_eval.task_files.merge import keys_of

    found: dict[str, str] = {}
    for entry in entries:
        with contextlib.suppress(UserError):
            for repeated in keys_of(entry).repeated:
                found.setdefault(str(repeated), entry.name)
    return [(name, fault) for fault, name in found.items()]


def is_task_file(name: str) -> bool:
    """Whether a name is the path of a task file.

    Args:
        name: A name of a task, a pattern or a path.
    """
    return name.endswith(SUFFIXES) and Path(name).is_file()


def members(manager: TaskManager, names: Iterable[str]) -> list[str]:
    """Return names with the members of the groups and tags among them.

    Args:
        manager: Knows the names.
        names: Names and glob patterns.

    Returns:
        The tasks and groups, sorted; no tags.

    Raises:
        UnknownNameError: A name is not known.
    """
    index = manager.task_index
    seen: set[str] = set()
    for name in names:
        # A member that is written out in a group has no file; its group is checked instead.
        plain = name.partition("::")[0]
        matched = manager.match_tasks([plain if plain in index else split_format(plain)[0]])
        if not matched:
            raise manager.unknown(name)
        seen.update(matched)
    return sorted(name for name in names_under(index, seen) if index[name].kind is not Kind.TAG)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide warnings about single tasks, and send what task code prints to stderr: a report may cover thousands."""
    level = eval_logger.level
    eval_logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        eval_logger.setLevel(level)
