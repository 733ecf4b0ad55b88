"""Loading task files with all their functions, without data, to find the ones that cannot run."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval.errors import MissingPackageError, TaskFileError, UserError

if TYPE_CHECKING:
    from lm_eval.task_files.entry import Entry
    from lm_eval.task_files.factory import TaskFactory
    from lm_eval.task_files.manager import TaskManager

__all__ = ["Problem", "members", "named_in", "validate"]

eval_logger = logging.getLogger("lm_eval")


@dataclass(frozen=True, slots=True)
class Problem:
    """A task or group that cannot be built.

    Attributes:
        name: Its name; of a file that cannot be read, empty.
        reason: Why, in one line: the file, the key and its line where known, and what to install.
        missing_package: Whether installing a package mends it.
    """

    name: str
    reason: str
    missing_package: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" if self.name else self.reason


def validate(manager: TaskManager, names: Iterable[str]) -> list[Problem]:
    """Build tasks and groups and collect what fails; no dataset is loaded.

    A Python task is not built, since its constructor may load data: its class is imported.

    Args:
        manager: Knows the names.
        names: Names and glob patterns; of a group, its members too. The pattern ``*`` also reports files that cannot
            be read.

    Returns:
        A problem a name that fails, sorted by name; files that cannot be read come first.

    Raises:
        UnknownNameError: A name is not known.
    """
    from lm_eval.task_files.factory import TaskFactory
    from lm_eval.task_files.modules import failures_kept

    names = list(names)
    problems = [Problem("", str(fault)) for fault in manager.problems()] if "*" in names else []
    factory = TaskFactory(meta=manager.metadata)
    manager.make_importable()
    with _quiet(), failures_kept():
        for name in members(manager, names):
            problem = _check(manager, factory, manager.task_index[name])
            if problem is not None:
                problems.append(problem)
    return problems


def members(manager: TaskManager, names: Iterable[str]) -> list[str]:
    """Follow groups and tags to what they hold.

    Args:
        manager: Knows the names.
        names: Names and glob patterns.

    Returns:
        The tasks and groups among the names, and those the groups and tags among them hold, sorted.

    Raises:
        UnknownNameError: A name is not known.
    """
    from lm_eval.task_files.entry import Kind

    index = manager.task_index
    wanted: set[str] = set()
    for name in names:
        # A member written out in a group has no file of its own: its group is checked.
        matched = manager.match_tasks([name.partition("::")[0]])
        if not matched:
            raise manager.unknown(name)
        wanted.update(matched)
    pending, seen = list(wanted), set(wanted)
    while pending:
        entry = index[pending.pop()]
        for member in entry.tags if entry.kind is Kind.TAG else named_in(entry) if entry.kind is Kind.GROUP else ():
            if member in index and member not in seen:
                seen.add(member)
                pending.append(member)
    return sorted(name for name in seen if index[name].kind is not Kind.TAG)


def named_in(group: Entry) -> Iterator[str]:
    """Go through the names that stand in a group's file.

    Args:
        group: The group's entry.

    Yields:
        Names of members; of members written out, too.
    """
    try:
        pending = [(group.cfg or {}).get("task")]
    except UserError:
        return
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            pending.append(item.get("task") or item.get("group"))
        elif item is not None:
            yield str(item)


def _check(manager: TaskManager, factory: TaskFactory, entry: Entry) -> Problem | None:
    """Build one entry."""
    from lm_eval.task_files.build_task import task_class
    from lm_eval.task_files.configs import full_config
    from lm_eval.task_files.entry import Kind

    try:
        if entry.kind is Kind.PY_TASK:
            task_class(full_config(entry, {}), entry.yaml_path)
        elif entry.kind is Kind.GROUP:
            factory.check_group(entry, registry=manager.task_index)
        else:
            factory.build(entry, registry=manager.task_index)
    except UserError as error:
        located = isinstance(error, MissingPackageError) or getattr(error, "path", None) is not None
        reason = str(error) if located else str(TaskFileError(str(error), path=entry.yaml_path))
        return Problem(entry.name, reason, isinstance(error, MissingPackageError))
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep notes about single tasks, and what task code prints on import, out of a report on thousands."""
    level = eval_logger.level
    eval_logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        eval_logger.setLevel(level)
