"""What a list of names, patterns, paths, dicts and objects selects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.group import ConfigurableGroup, Group
from lm_eval.api.task import Task
from lm_eval.errors import ConfigError, TaskFileError
from lm_eval.task_files.entry import Kind
from lm_eval.task_files.factory import BuiltTasks, TaskFactory
from lm_eval.task_files.index import TaskIndex

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskDict, TaskManager

__all__ = ["Selection", "nested"]


class Selection:
    """Collects what is selected, item by item."""

    def __init__(self, manager: TaskManager) -> None:
        """Start with nothing.

        Args:
            manager: Knows the names.
        """
        self._manager = manager
        self._index = manager.task_index
        self._factory = TaskFactory(meta=manager.metadata)
        self._tasks: dict[str, Task] = {}
        self._groups: dict[str, Group] = {}
        self._reached_by: dict[str, object] = {}
        self._items: list[object] = []

    def add(self, item: object) -> None:
        """Select one item; the same item again changes nothing.

        Args:
            item: A name, a pattern, a path, a dict, a Task or a Group.

        Raises:
            UserError: It selects nothing, cannot be built, or reaches a task another item has reached.
        """
        if any(item is known or (isinstance(item, (str, dict)) and item == known) for known in self._items):
            return
        self._items.append(item)
        for made in self._build(item):
            self._take(made, item)

    def result(self) -> TaskDict:
        """Return all that was selected."""
        for task in self._tasks.values():
            if self._manager.data_dir is not None:
                task.set_data_dir(self._manager.data_dir)
        return {
            "tasks": self._tasks,
            "groups": self._groups,
            "group_map": {name: group.child_names for name, group in self._groups.items()},
        }

    def _build(self, item: object) -> list[Task | Group]:
        if isinstance(item, (Task, Group)):
            return [item]
        if isinstance(item, Mapping):
            return _flat(self._factory.build_inline(dict(item), registry=self._index))
        if isinstance(item, Path):
            return self._from_file(item)
        if not isinstance(item, str):
            raise ConfigError(f"A task is named by a text, a dict or an object, got {item!r}.")
        if item in self._index:
            return _flat(self._factory.build(self._index[item], registry=self._index))
        if item.endswith((".yaml", ".yml")) and Path(item).is_file():
            return self._from_file(Path(item))
        if any(sign in item for sign in "*?["):
            return self._from_pattern(item)
        raise self._manager.unknown(item)

    def _from_file(self, path: Path) -> list[Task | Group]:
        entry = TaskIndex.entry_from_path(path.resolve())
        if entry is None:
            raise TaskFileError("this file is a fragment: it has neither task, group nor class", path=path)
        return _flat(self._factory.build(entry, registry=self._index))

    def _from_pattern(self, pattern: str) -> list[Task | Group]:
        """Build what matches: groups first, then what they do not hold; a tag is no more than its tasks."""
        names = self._manager.match_tasks([pattern])
        if not names:
            raise ConfigError(f"No task matches the pattern {pattern!r}.")
        groups = [name for name in names if self._index[name].kind is Kind.GROUP]
        shared: BuiltTasks = {}
        tops = {name: self._group(name, shared) for name in groups}
        held = {inner.name for group in tops.values() for inner in group.get_all_groups()}
        built: list[Task | Group] = [group for name, group in tops.items() if name not in held]
        reached = {task.task_name for group in tops.values() for task in group.get_all_tasks()}
        for name in names:
            entry = self._index[name]
            for single in sorted(entry.tags) if entry.kind is Kind.TAG else [name]:
                if entry.kind is not Kind.GROUP and single not in reached:
                    reached.add(single)
                    built.extend(_flat(self._factory.build(self._index[single], registry=self._index)))
        return built

    def _group(self, name: str, shared: BuiltTasks) -> Group:
        group = self._factory.build(self._index[name], registry=self._index, built=shared)
        assert isinstance(group, Group)
        return group

    def _take(self, made: Task | Group, item: object) -> None:
        tasks = made.get_all_tasks() if isinstance(made, Group) else [made]
        for task in tasks:
            name = str(task.task_name)
            first = self._reached_by.setdefault(name, item)
            if first is not item:
                raise ConfigError(f"Task {name!r} is selected twice: by {first!r} and by {item!r}.")
            self._tasks.setdefault(name, task)
        if isinstance(made, Group):
            for group in (made, *made.get_all_groups()):
                self._groups.setdefault(group.name, group)


def _flat(made: Task | Group | list[Task]) -> list[Task | Group]:
    return list(made) if isinstance(made, list) else [made]


def nested(selected: TaskDict) -> dict[Any, Any]:
    """Turn a selection into nested dicts.

    Args:
        selected: What ``TaskManager.load`` returned.

    Returns:
        Task name to task, and ``ConfigurableGroup`` to such a dict of its members.
    """
    inside = {name for members in selected["group_map"].values() for name in members}

    def members(group: Group) -> dict[Any, Any]:
        return {
            ConfigurableGroup.from_group(child) if isinstance(child, Group) else str(child.task_name): (
                members(child) if isinstance(child, Group) else child
            )
            for child in group
        }

    top: dict[Any, Any] = {
        ConfigurableGroup.from_group(group): members(group)
        for name, group in selected["groups"].items()
        if name not in inside
    }
    held = {str(task.task_name) for group in selected["groups"].values() for task in group.get_all_tasks()}
    top.update({name: task for name, task in selected["tasks"].items() if name not in held})
    return top
