"""Select the tasks of a saved run that are scored again, and load their present definitions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lm_eval.config.formats import FORMAT_NAMES
from lm_eval.errors import ConfigError, UnknownNameError, did_you_mean
from lm_eval.text import first_names

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task
    from lm_eval.results import Run
    from lm_eval.task_files.manager import TaskManager

__all__ = ["load_tasks", "select"]

eval_logger = logging.getLogger("lm_eval")

_FORMATS = tuple(f"@{name}" for name in FORMAT_NAMES)


def select(run: Run, wanted: str | Sequence[str] | None) -> list[str]:
    """Name the tasks to score again.

    Args:
        run: The saved run.
        wanted: Names or patterns of its tasks and groups; None means all.

    Returns:
        Task names in the run's order.

    Raises:
        UnknownNameError: The run has no such task.
        ConfigError: A task has no samples.
    """
    from lm_eval.utils import pattern_match

    if not run.sample_files:
        raise ConfigError(f"No samples were saved with {run.path}; run with --log_samples to be able to rescore.")
    chosen = set(run.tasks if wanted is None else ())
    options = [*run.tasks, *run.group_subtasks]
    for pattern in [wanted] if isinstance(wanted, str) else wanted or ():
        found = [pattern] if pattern in options else pattern_match(pattern, options)
        if not found:
            raise UnknownNameError("task of the run", pattern, options, f"It has {first_names(options, 8)}.")
        chosen.update(task for name in found for task in run.leaves(name))
    names = [name for name in run.tasks if name in chosen]
    if missing := [name for name in names if name not in run.sample_files]:
        shown = first_names(missing)
        raise ConfigError(f"No samples of {shown} were saved with {run.path}; name the others with --tasks.")
    return names


def load_tasks(run: Run, names: Sequence[str], manager: TaskManager) -> tuple[dict[str, Task], dict[str, Group]]:
    """Load the tasks as their files define them at present, through the groups they were run in.

    Args:
        run: The saved run.
        names: The tasks.
        manager: Finds the tasks.

    Returns:
        The tasks in the order of the names, and the groups all of whose tasks are among them.

    Raises:
        UserError: A task no longer exists or cannot be loaded.
    """
    inner = {child for group in run.groups.values() for child in group.children}
    roots = [
        name
        for name, group in run.groups.items()
        if name not in inner
        and _bare(name, manager) in manager.all_groups
        and not set(names).isdisjoint(group.leaves())
    ]
    tasks: dict[str, Task] = {}
    groups: dict[str, Group] = {}
    if roots:
        loaded = manager.load(roots)
        tasks, groups = dict(loaded["tasks"]), dict(loaded["groups"])
    for name in names:
        if name not in tasks:
            if _bare(name, manager) not in manager.task_index:
                near = did_you_mean(name, manager.all_subtasks)
                raise ConfigError(f"Task {name!r} is not known here; --include_path names folders of task files.{near}")
            tasks |= manager.load([name])["tasks"]
    for name, group in list(groups.items()):
        if missing := [task.task_name for task in group.get_all_tasks() if task.task_name not in names]:
            eval_logger.warning("Group %s has no score: %s were not rescored.", name, first_names(missing))
            del groups[name]
    return {name: tasks[name] for name in names}, groups


def _bare(name: str, manager: TaskManager) -> str:
    """Return a name without the prompt format after ``@``."""
    return name if name in manager.task_index or not name.endswith(_FORMATS) else name.rpartition("@")[0]
