"""Tasks and groups from their configs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from lm_eval.config.group import GROUP_KEYS, GroupConfig
from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError, UserError
from lm_eval.task_files.configs import full_config, require_keys
from lm_eval.task_files.entry import Entry, Kind

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task

__all__ = ["BuiltTasks", "TaskFactory"]

_NOT_INHERITED = frozenset({"tag", "task_list", "include"})
_DATA_KEYS = frozenset({"dataset_path", "custom_dataset", "class", "use_prompt"})
INLINE = "inline"

BuiltTasks = dict[str, tuple[Mapping[str, Any], "Task"]]
"""Name to the overrides a task was built with, and the task."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a tree of groups something is built.

    Attributes:
        registry: The names that exist.
        overrides: Keys for all tasks from here down; what is written at a member itself wins over them.
        parent: The name of the group around; empty at the top.
        path: The file of the group around.
        groups: The groups around, to find one that contains itself.
        built: The tasks of the whole tree so far with their overrides, so that one reached twice is one.
        shallow: Leave out members that are plain names.
    """

    registry: Mapping[str, Entry]
    overrides: Mapping[str, Any]
    parent: str = ""
    path: str | None = None
    groups: tuple[str, ...] = ()
    built: BuiltTasks = field(default_factory=dict)
    shallow: bool = False

    def named(self, name: str) -> str:
        return f"{self.parent}::{name}" if self.parent else name


class TaskFactory:
    """Builds tasks and groups; no dataset is loaded."""

    def __init__(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Start a factory.

        Args:
            meta: Merged over the metadata of every task and group.
        """
        self._meta = dict(meta or {})

    def build(
        self,
        entry: Entry,
        *,
        overrides: Mapping[str, Any] | None = None,
        registry: Mapping[str, Entry],
        built: BuiltTasks | None = None,
    ) -> Task | Group | list[Task]:
        """Build what an entry of the index stands for.

        Args:
            entry: The entry.
            overrides: Keys that replace the file's.
            registry: The index, for the members of groups and tags.
            built: Tasks built before, to be shared; gets those that are built now.

        Returns:
            The task; the group with its tasks; of a tag, its tasks sorted by name.

        Raises:
            TaskFileError: A file has a fault.
            UnknownNameError: A member of a group does not exist.
            MissingPackageError: A function needs a package that is not installed.
        """
        return self._entry(entry, _Place(registry, dict(overrides or {}), built={} if built is None else built))

    def build_inline(self, config: Mapping[str, Any], *, registry: Mapping[str, Entry]) -> Task | Group | list[Task]:
        """Build from a mapping: a name with overrides, or a whole task or group.

        Args:
            config: Such as ``{"task": "gsm8k", "num_fewshot": 3}``.
            registry: The index.

        Returns:
            As ``build``.

        Raises:
            ConfigError: The mapping says neither which task nor what it is.
        """
        return self._item(config, _Place(registry, {}))

    def check_group(self, entry: Entry, *, registry: Mapping[str, Entry]) -> None:
        """Build a group without the members that have files of their own and are taken as they are.

        Args:
            entry: The group's entry.
            registry: The index.

        Raises:
            TaskFileError: The group's file, or a member written out in it, has a fault.
        """
        self._entry(entry, _Place(registry, {}, shallow=True))

    def _entry(self, entry: Entry, place: _Place) -> Task | Group | list[Task]:
        if entry.kind is Kind.TAG:
            overrides = {key: value for key, value in place.overrides.items() if key != "task_alias"}
            inner = replace(place, overrides=overrides)
            return [cast("Task", self._entry(place.registry[name], inner)) for name in sorted(entry.tags)]
        if entry.kind is Kind.GROUP:
            return self._group_entry(entry, place)
        return self._once(entry.name, entry, place)

    def _once(self, name: str, entry: Entry, place: _Place) -> Task:
        """Build a task, or return the one that was built for the same name with the same overrides."""
        known = place.built.get(name)
        if known is not None:
            if known[0] == place.overrides:
                return known[1]
            raise TaskFileError(
                f"task {name!r} is a member twice, with different settings", path=place.path, key="task"
            )
        task = self._task(name, entry, place.overrides)
        place.built[name] = (place.overrides, task)
        return task

    def _task(self, name: str, entry: Entry, overrides: Mapping[str, Any]) -> Task:
        from lm_eval.task_files.build_task import construct

        config = full_config(entry, overrides)
        metadata = config.get("metadata")
        source = {} if entry.yaml_path is None else {"config_source": str(entry.yaml_path)}
        config["metadata"] = {**(metadata if isinstance(metadata, Mapping) else {}), **self._meta, **source}
        return construct(name, config, overrides, entry.yaml_path)

    def _group_entry(self, entry: Entry, place: _Place) -> Group:
        own = {key: value for key, value in place.overrides.items() if key in GROUP_KEYS - {"group", "task"}}
        if "task_alias" in place.overrides:
            own.setdefault("group_alias", place.overrides["task_alias"])
        config = full_config(entry, own, group=True)
        path = None if entry.yaml_path is None else str(entry.yaml_path)
        down = {key: value for key, value in place.overrides.items() if key not in GROUP_KEYS | {"task_alias"}}
        return self._group(entry.name, config, replace(place, overrides=down, path=path), {"config_source": path})

    def _group(self, name: str, config: dict[str, Any], place: _Place, source: Mapping[str, Any]) -> Group:
        from lm_eval.api.group import Group

        if name in place.groups:
            raise TaskFileError(f"group {name!r} contains itself", path=place.path, key="task")
        own = {key: value for key, value in config.items() if key in GROUP_KEYS}
        own["group"] = name
        own["metadata"] = {**(own.get("metadata") or {}), **self._meta, **source}
        try:
            group = Group.from_config(GroupConfig.from_dict(own))
        except ConfigError as error:
            raise TaskFileError(f"group {name!r}: {error}", path=place.path) from error
        extra = {key: value for key, value in config.items() if key not in GROUP_KEYS | _NOT_INHERITED}
        inner = replace(place, overrides={**extra, **place.overrides}, parent=name, groups=(*place.groups, name))
        members = config.get("task") or []
        for member in members if isinstance(members, list) else [members]:
            made = self._member(member, inner)
            for child in made if isinstance(made, list) else [made]:
                group.add(child)
        return group

    def _member(self, member: object, place: _Place) -> Task | Group | list[Task]:
        if isinstance(member, Mapping):
            return self._item(member, place)
        name = str(member)
        if name not in place.registry:
            raise _unknown(name, place)
        if place.shallow:
            return []
        return self._entry(place.registry[name], place)

    def _item(self, item: Mapping[str, Any], place: _Place) -> Task | Group | list[Task]:
        """Build a mapping: in a group, a member with its own settings."""
        name, members = item.get("task"), None
        if "group" in item:
            name, members = item["group"], item.get("task")
        if members is not None:
            registered = place.registry.get(str(name))
            full = str(name) if registered is not None and registered.kind is Kind.GROUP else place.named(str(name))
            require_keys(item, {}, GROUP_KEYS, path=place.path, what=f"group {full!r}")
            return self._group(full, dict(item), place, {} if place.parent else {"config_source": INLINE})
        if name is not None and not isinstance(name, (str, int)):
            raise ConfigError(f"The name of a task is text, got {name!r}; a group needs 'group' too.")
        own = {key: value for key, value in item.items() if key not in ("task", "group")}
        own = _with_include(own, place.path)
        overrides = {**place.overrides, **own}
        entry = place.registry.get(str(name)) if name is not None else None
        if "class" not in own and (entry is None or entry.kind is not Kind.PY_TASK):
            require_keys(own, {}, GROUP_KEYS, path=place.path, what=repr(str(name)))
        if entry is not None:
            return self._entry(entry, replace(place, overrides=overrides))
        if _DATA_KEYS.isdisjoint(overrides):
            if name is None:
                raise ConfigError(f"A task needs a name or a dataset, got {dict(item)!r}.")
            if "doc_to_text" not in own:
                raise _unknown(str(name), place)
            raise TaskFileError(
                f"{place.named(str(name))!r} is no task that exists, and names no dataset of its own "
                "(dataset_path or custom_dataset)",
                path=place.path,
                key="task",
            )
        full = place.named(str(name) if name is not None else _name_from_data(overrides))
        kind = Kind.PY_TASK if "class" in overrides else Kind.TASK
        metadata = overrides.get("metadata") or {}
        if not place.parent:
            overrides["metadata"] = {**metadata, "config_source": INLINE}
        return self._once(full, Entry(full, kind, cfg={}), replace(place, overrides=overrides))


def _unknown(name: str, place: _Place) -> UserError:
    """Return the error for a member that does not exist."""
    error = UnknownNameError("task or group", name, place.registry)
    return TaskFileError(f"group {place.parent!r}: {error}", path=place.path, key="task") if place.parent else error


def _with_include(own: dict[str, Any], path: str | None) -> dict[str, Any]:
    """Put what a member includes, relative to the group's file, under its own keys."""
    wanted = own.pop("include", None)
    if wanted is None:
        return own
    from lm_eval.task_files.loader import included_files, load_yaml

    merged: dict[str, Any] = {}
    for file in included_files(path or "./inline", wanted, None):
        merged.update(load_yaml(file))
    return {**merged, **own}


def _name_from_data(config: Mapping[str, Any]) -> str:
    return "_".join(str(config[key]) for key in ("dataset_path", "dataset_name") if config.get(key)) or "unnamed"
