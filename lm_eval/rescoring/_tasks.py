"""Which tasks of a saved run are scored again, and their present definitions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError, UnknownNameError, did_you_mean

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task
    from lm_eval.results import Run
    from lm_eval.task_files.manager import TaskManager

__all__ = ["load_tasks", "select"]

eval_logger = logging.getLogger("lm_eval")


def select(run: Run, wanted: str | Sequence[str] | None) -> list[str]:
    """Name the tasks to score again.

    Args:
        run: The saved run.
        wanted: Names or patterns of its tasks and groups; None means all.

    Returns:
        Task names in the run's order.

    Raises:
        UnknownNameError: The run has no such task.
        ConfigError: There are no samples of a task.
    """
    from lm_eval.utils import pattern_match

    known = run.tasks
    if not run.sample_files:
        raise ConfigError(f"No samples were saved with {run.path}; run with --log_samples to be able to rescore.")
    if wanted is None:
        chosen = set(known)
    else:
        chosen = set()
        options = [*known, *run.group_subtasks]
        for pattern in [wanted] if isinstance(wanted, str) else wanted:
            found = [pattern] if pattern in options else pattern_match(pattern, options)
            if not found:
                raise UnknownNameError("task of the run", pattern, options, f"It has {', '.join(options[:8])}.")
            chosen.update(task for name in found for task in _members(run, name))
    names = [name for name in known if name in chosen]
    if lacking := [name for name in names if name not in run.sample_files]:
        shown = ", ".join(lacking[:6])
        raise ConfigError(f"No samples of {shown} were saved with {run.path}; name the others with --tasks.")
    return names


def _members(run: Run, name: str) -> Iterator[str]:
    """List the tasks under a name: of a group those within, else itself."""
    if name not in run.group_subtasks:
        yield name
        return
    for child in run.group_subtasks[name]:
        if child != name:
            yield from _members(run, child)


def load_tasks(run: Run, names: Sequence[str], manager: TaskManager) -> tuple[dict[str, Task], dict[str, Group]]:
    """Load the tasks as they are defined now, through the groups they were run in.

    Args:
        run: The saved run.
        names: The tasks.
        manager: Knows the tasks.

    Returns:
        The tasks in the order of the names, and the groups all of whose tasks are among them.

    Raises:
        UserError: A task no longer exists or cannot be loaded.
    """
    within = {child for children in run.group_subtasks.values() for child in children}
    items: list[str] = []
    reached: set[str] = set()
    for group in run.group_subtasks:
        if group not in within and group in manager.all_groups and set(_members(run, group)) & set(names):
            items.append(group)
    tasks: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    if items:
        loaded = manager.load(items)
        tasks, groups = dict(loaded["tasks"]), dict(loaded["groups"])
        reached = set(tasks)
    for name in names:
        if name not in reached:
            if name not in manager.task_index:
                near = did_you_mean(name, manager.all_subtasks)
                raise ConfigError(f"Task {name!r} is not known here; --include_path names folders of task files.{near}")
            tasks |= manager.load([name])["tasks"]
    whole = {}
    for name, group in groups.items():
        missing = [str(task.task_name) for task in group.get_all_tasks() if task.task_name not in names]
        if not missing:
            whole[name] = group
        else:
            eval_logger.warning("Group %s has no score: %s were not rescored.", name, ", ".join(missing[:6]))
    return {name: tasks[name] for name in names}, whole
