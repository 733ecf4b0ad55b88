"""The library of task files, and the public functions that find and load tasks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from lm_eval.compatibility.submodules import submodule

if TYPE_CHECKING:
    from lm_eval.task_files.build import NestedTasks, TaskDict
    from lm_eval.task_files.manager import TaskManager

__all__ = ["TaskDict", "TaskManager", "get_task_dict", "get_task_name_from_config", "get_task_name_from_object"]

_LAZY = {"TaskDict": "lm_eval.task_files.build", "TaskManager": "lm_eval.task_files.manager"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    return submodule(__name__, name)


def get_task_dict(task_name_list: object, task_manager: TaskManager | None = None) -> NestedTasks:
    """Load tasks and groups as nested dicts; ``TaskManager.load`` returns them flat.

    Args:
        task_name_list: Names, patterns, paths, dicts or objects, or one of these.
        task_manager: Knows the names; None creates one for the library of this package.

    Returns:
        Task name to task, and for each group ``ConfigurableGroup`` to such a dict of its members.

    Raises:
        UserError: A name is not known, or a task cannot be built.
    """
    if task_manager is None:
        from lm_eval.task_files.manager import TaskManager

        task_manager = TaskManager()
    return task_manager.load_task_or_group(task_name_list)


def get_task_name_from_config(task_config: dict[str, str]) -> str:
    """Return the name of a task, from its config.

    Args:
        task_config: The config.

    Returns:
        The value of ``task``, else the dataset's path and name joined by ``_``.
    """
    if "task" in task_config:
        return task_config["task"]
    parts = [task_config["dataset_path"], task_config.get("dataset_name")]
    return "_".join(part for part in parts if part)


def get_task_name_from_object(task_object: object) -> str:
    """Return the name of a task object.

    Args:
        task_object: A task.

    Returns:
        The name in its config, else the name of its class.
    """
    config = getattr(task_object, "_config", None) or getattr(task_object, "config", None)
    name = config.get("task") if config is not None else None
    return str(name) if name else type(task_object).__name__
