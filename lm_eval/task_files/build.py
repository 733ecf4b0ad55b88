"""Pass 2 of loading tasks: from the tree of plain data to Task and Group objects.

Here functions are imported and constructors run. No dataset is loaded, unless a Python task loads one in its
constructor.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypedDict

from lm_eval.api.group import ConfigurableGroup, Group
from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.config.formats import chosen_format
from lm_eval.config.group import GROUP_KEYS, GroupConfig
from lm_eval.config.task import TASK_KEYS
from lm_eval.errors import ConfigError, LMEvalError, MissingPackageError, TaskFileError
from lm_eval.task_files.loader import import_all
from lm_eval.task_files.merge import merge
from lm_eval.task_files.modules import missing_package
from lm_eval.task_files.resolve import Resolved, ResolvedGroup, ResolvedTask

__all__ = ["Builder", "NestedTasks", "TaskDict", "load_selected", "nested", "task_class"]

NestedTasks = dict["str | ConfigurableGroup", "Task | NestedTasks"]
"""Task name to task, and group to such a dict of its members."""


class TaskDict(TypedDict):
    """The result of ``TaskManager.load``.

    Attributes:
        tasks: Name to task, in the order they were selected.
        groups: Name to group, each before the groups in it.
        group_map: Group name to the names of its direct members.
    """

    tasks: dict[str, Task]
    groups: dict[str, Group]
    group_map: dict[str, list[str]]


class Builder:
    """Builds tasks and groups; a task that occurs twice is built once."""

    def __init__(self, metadata: Mapping[str, object] | None = None) -> None:
        """Start without tasks.

        Args:
            metadata: Merged over the metadata of every task and group.
        """
        self._metadata = {} if metadata is None else metadata
        self._tasks: dict[str, Task] = {}

    def build(self, node: Resolved) -> Task | Group:
        """Build a task, or a group with its members.

        Args:
            node: The task or group.

        Returns:
            The object.

        Raises:
            TaskFileError: A config cannot be used, or a function does not exist.
            MissingPackageError: Task code needs a package that is not installed.
        """
        if isinstance(node, ResolvedGroup):
            return self._group(node)
        if node.name not in self._tasks:
            self._tasks[node.name] = self._task(node)
        return self._tasks[node.name]

    def _task(self, node: ResolvedTask) -> Task:
        config = import_all(merge(node.entry, node.overrides))
        source = {} if node.entry.source is None else {"config_source": node.entry.source}
        written = config.get("metadata")
        if written is not None and not isinstance(written, Mapping):
            what = f"task {node.name!r}: metadata is a mapping, not {str(written)[:60]!r}"
            raise TaskFileError(what, path=node.entry.file, key="metadata", line=node.entry.line or None)
        config["metadata"] = {**_mapping(written), **self._metadata, **source}
        config["task"] = node.name
        if node.format is not None:
            _set_format(config, node.format)
        _find_template(config, node.entry.file)
        if config.get("class") is not None:
            return _python_task(node, config)
        return _configured_task(node, config)

    def _group(self, node: ResolvedGroup) -> Group:
        config = import_all(node.config)
        own = {key: value for key, value in config.items() if key in GROUP_KEYS}
        source = {} if node.source is None else {"config_source": node.source}
        own["group"] = node.name
        own["metadata"] = {**_mapping(own.get("metadata")), **self._metadata, **source}
        try:
            group = Group.from_config(GroupConfig.from_dict(own))
        except ConfigError as error:
            raise TaskFileError(f"group {node.name!r}: {error}", path=node.path, line=node.line) from error
        for member in node.members.values():
            group.add(self.build(member))
        return group


def load_selected(
    selected: Iterable[Resolved | Task | Group], metadata: Mapping[str, object], data_dir: str | Path | None
) -> TaskDict:
    """Build a selection.

    Args:
        selected: What ``select`` returned.
        metadata: Merged over the metadata of every task and group.
        data_dir: A folder with datasets, or None.

    Returns:
        The tasks and groups.

    Raises:
        UserError: As ``Builder.build``.
    """
    builder = Builder(metadata)
    tasks: dict[str, Task] = {}
    groups: dict[str, Group] = {}
    for node in selected:
        built = builder.build(node) if isinstance(node, (ResolvedTask, ResolvedGroup)) else node
        if isinstance(built, Group):
            for group in (built, *built.get_all_groups()):
                groups.setdefault(group.name, group)
        for task in built.get_all_tasks() if isinstance(built, Group) else [built]:
            tasks.setdefault(str(task.task_name), task)
    if data_dir is not None:
        for task in tasks.values():
            task.set_data_dir(data_dir)
    return {
        "tasks": tasks,
        "groups": groups,
        "group_map": {name: group.child_names for name, group in groups.items()},
    }


def nested(loaded: TaskDict) -> NestedTasks:
    """Turn loaded tasks and groups into nested dicts.

    Args:
        loaded: The result of ``TaskManager.load``.

    Returns:
        Task name to task, and ``ConfigurableGroup`` to such a dict of its members.
    """

    def nest(members: Iterable[Task | Group]) -> NestedTasks:
        found: NestedTasks = {}
        for member in members:
            if isinstance(member, Group):
                found[ConfigurableGroup.from_group(member)] = nest(member)
            else:
                found[str(member.task_name)] = member
        return found

    inside = {name for names in loaded["group_map"].values() for name in names}
    everything: list[tuple[str, Task | Group]] = [*loaded["groups"].items(), *loaded["tasks"].items()]
    return nest(item for name, item in everything if name not in inside)


def task_class(config: Mapping[str, object], path: str | None) -> type[Task]:
    """Return the class of a Python task.

    Args:
        config: The task's keys, with functions imported.
        path: The task's file.

    Returns:
        The class.

    Raises:
        TaskFileError: The value of ``class`` is not a subclass of ``Task``.
    """
    named = config.get("class")
    if not (inspect.isclass(named) and issubclass(named, Task)):
        raise TaskFileError(f"{named!r} is not a subclass of lm_eval.api.task.Task", path=path, key="class")
    return named


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _configured_task(node: ResolvedTask, config: dict[str, object]) -> Task:
    fault = partial(TaskFileError, path=node.entry.file, line=node.entry.line or None)
    kind: type[ConfigurableTask] = ConfigurableTask
    if config.get("formats") is not None:
        from lm_eval.api.formatted_task import FormattedTask as kind
    try:
        return kind(config=config)
    except TaskFileError:
        raise
    except MissingPackageError as error:
        raise MissingPackageError(str(fault(str(error)))) from error
    except LMEvalError as error:
        raise fault(str(error)) from error
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        # A value of a wrong shape, such as a text where a list belongs.
        raise _cannot_be_built(node, error, None) from error


def _python_task(node: ResolvedTask, config: dict[str, object]) -> Task:
    path = node.entry.file
    constructor = task_class(config, path)
    given = {key: value for key, value in config.items() if key != "group"}
    try:
        task = constructor(config=given) if _takes_config(constructor) else constructor()
    except LMEvalError:
        raise
    except (Exception, SystemExit) as error:
        advice = missing_package(error, Path(path).parent if path else Path())
        if advice is not None:
            fault = TaskFileError(f"task {node.name!r} {advice}", path=path, line=node.entry.line or None)
            raise MissingPackageError(str(fault)) from error
        raise _cannot_be_built(node, error, "class") from error
    # The class sets its own config; the name and the overrides still hold.
    if not task.get_config("fewshot_exclude_self"):  # otherwise the class has changed the name
        task.set_config("task", node.name)
    for key in node.overrides:
        if key in TASK_KEYS and key not in ("task", "class", "metadata"):
            task.set_config(key, config[key])
    task.set_config("metadata", {**_mapping(task.get_config("metadata")), **_mapping(config["metadata"])})
    return task


def _set_format(config: dict[str, object], wanted: str) -> None:
    """Set the format that was asked for, with the fields that the task file has for it."""
    config["formats"] = chosen_format(config.get("formats"), wanted).to_dict()
    alias = config.get("task_alias")
    if alias is not None:
        config["task_alias"] = f"{alias}@{wanted}"


def _find_template(config: Mapping[str, object], file: str | None) -> None:
    """Make the path of a judge's template absolute: it is written relative to the task file."""
    scorer = config.get("scorer")
    named = scorer.get("judge_template") if isinstance(scorer, dict) else None
    if isinstance(scorer, dict) and isinstance(named, str) and file is not None:
        scorer["judge_template"] = str(Path(file).parent / Path(named).expanduser())


def _cannot_be_built(node: ResolvedTask, error: BaseException, key: str | None) -> TaskFileError:
    message = f"task {node.name!r} cannot be built: {type(error).__name__}: {error}"
    return TaskFileError(" ".join(message.split()), path=node.entry.file, key=key, line=node.entry.line or None)


def _takes_config(constructor: type[Task]) -> bool:
    """Return whether a constructor takes ``config=``."""
    parameters = inspect.signature(constructor).parameters.values()
    return any(
        parameter.kind is parameter.VAR_KEYWORD
        or (parameter.name == "config" and parameter.kind is not parameter.VAR_POSITIONAL)
        for parameter in parameters
    )
