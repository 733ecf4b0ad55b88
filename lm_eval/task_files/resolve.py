"""Pass 1 of loading tasks: from what is asked for to a tree of plain data.

``select`` turns names, patterns, paths, dicts and objects into ``ResolvedTask`` and ``ResolvedGroup``. No task code is
imported and no Task is created; ``build`` does that in pass 2.

Which value of a key wins, first to last:

1. the keys of an item: ``{task: name, num_fewshot: 5}`` in a group's ``task`` list;
2. the keys that the caller gives for the group: ``{"task": "mmlu", "num_fewshot": 3}``;
3. the keys of the outermost group, then those of each group inside it;
4. the keys in the task's own file, over the keys of the files it includes.

So ``num_fewshot`` of a group's member is the member's own if the group's list says so, else the caller's, else the
group's, else the one in the task's file. Values are replaced whole. The keys of ``GROUP_KEYS`` and ``task_alias``
describe the group they are given for and do not reach its members.

Names: a member that is written out in a group, and is not a name in the index, is called ``parent::name``. A task
that one tree reaches twice is one task if its overrides are equal, and an error if they differ. A task that two items
of a selection reach is always an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.group import GROUP_KEYS
from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError, UserError
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.index import entries_in_file, match_names
from lm_eval.task_files.loader import included_files, load_file
from lm_eval.task_files.merge import check_keys, merge

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task

__all__ = ["Resolved", "ResolvedGroup", "ResolvedTask", "Resolver", "select"]

_NOT_INHERITED = frozenset({"tag", "task_list", "include"})
_DATA_KEYS = frozenset({"dataset_path", "custom_dataset", "class", "use_prompt"})
_INLINE = "inline"


@dataclass(frozen=True, slots=True)
class ResolvedTask:
    """A task to build.

    Attributes:
        name: The name of the task in results.
        entry: Where its own keys come from; an entry without a file if the task is written out in a group or a dict.
        overrides: Keys that replace the entry's.
    """

    name: str
    entry: Entry
    overrides: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ResolvedGroup:
    """A group to build.

    Attributes:
        name: The name of the group.
        config: Its keys: those of a group, and those it sets for its members.
        members: Its members by name.
        path: The file the group is written in; None for a group in a dict of the caller.
        source: The ``config_source`` of its metadata; None leaves it out.
    """

    name: str
    config: Mapping[str, object]
    members: Mapping[str, Resolved]
    path: str | None
    source: str | None

    def task_names(self) -> Iterator[str]:
        """Yield the names of the tasks in this group and in the groups inside it, depth first."""
        for member in self.members.values():
            if isinstance(member, ResolvedTask):
                yield member.name
            else:
                yield from member.task_names()

    def group_names(self) -> Iterator[str]:
        """Yield the names of the groups inside this one, depth first."""
        for member in self.members.values():
            if isinstance(member, ResolvedGroup):
                yield member.name
                yield from member.group_names()


Resolved = ResolvedTask | ResolvedGroup


@dataclass(frozen=True, slots=True)
class _Scope:
    """What surrounds an item.

    Attributes:
        overrides: Keys of the caller and of the groups around, for all tasks from here down.
        groups: The names of the groups around, outermost first.
        path: The file of the innermost group that has one.
    """

    overrides: Mapping[str, object]
    groups: tuple[str, ...] = ()
    path: str | None = None

    def full_name(self, name: str) -> str:
        """Return the name of a member that is written out here."""
        return f"{self.groups[-1]}::{name}" if self.groups else name

    def unknown(self, name: str, index: Mapping[str, Entry]) -> UserError:
        """Return the error for a member that does not exist."""
        error = UnknownNameError("task or group", name, index)
        if not self.groups:
            return error
        return TaskFileError(f"group {self.groups[-1]!r}: {error}", path=self.path, key="task")


class Resolver:
    """Resolves one tree: one item of a selection, with everything below it."""

    def __init__(self, index: Mapping[str, Entry], *, follow_names: bool = True) -> None:
        """Start a tree.

        Args:
            index: All names.
            follow_names: False leaves out members that are plain names, and only checks that they exist.
        """
        self._index = index
        self._follow_names = follow_names
        self._overrides: dict[str, Mapping[str, object]] = {}

    def entry(self, entry: Entry, overrides: Mapping[str, object] | None = None) -> list[Resolved]:
        """Resolve an entry of the index.

        Args:
            entry: The entry.
            overrides: Keys of the caller.

        Returns:
            The task or the group; for a tag, its tasks, sorted by name.

        Raises:
            TaskFileError: A file cannot be read, has an unknown key, or a group contains itself.
            UnknownNameError: A member does not exist.
        """
        return self._entry(entry, _Scope({} if overrides is None else overrides))

    def item(self, item: Mapping[str, object]) -> list[Resolved]:
        """Resolve a dict: a name with overrides, or a task or group that is written out.

        Args:
            item: Such as ``{"task": "gsm8k", "num_fewshot": 3}``.

        Returns:
            As ``entry``.

        Raises:
            ConfigError: The dict has neither a name nor a dataset.
            TaskFileError: As ``entry``.
            UnknownNameError: As ``entry``.
        """
        return self._item(item, _Scope({}))

    def _entry(self, entry: Entry, scope: _Scope) -> list[Resolved]:
        if entry.kind is Kind.TAG:
            inner = replace(scope, overrides=_without(scope.overrides, {"task_alias"}))
            return [node for name in sorted(entry.tags) for node in self._entry(self._index[name], inner)]
        if entry.kind is not Kind.GROUP:
            return [self._task(entry.name, entry, scope)]
        of_group = {key: value for key, value in scope.overrides.items() if key in GROUP_KEYS - {"group", "task"}}
        if "task_alias" in scope.overrides:
            of_group.setdefault("group_alias", scope.overrides["task_alias"])
        config = merge(entry, of_group, group=True)
        down = _without(scope.overrides, GROUP_KEYS | {"task_alias"})
        inner = replace(scope, overrides=down, path=entry.file)
        return [self._group(entry.name, config, inner, source=entry.file)]

    def _task(self, name: str, entry: Entry, scope: _Scope) -> ResolvedTask:
        if self._overrides.setdefault(name, scope.overrides) != scope.overrides:
            raise TaskFileError(
                f"task {name!r} is a member twice, with different settings", path=scope.path, key="task"
            )
        return ResolvedTask(name, entry, scope.overrides)

    def _group(self, name: str, config: Mapping[str, object], scope: _Scope, source: str | None) -> ResolvedGroup:
        if name in scope.groups:
            raise TaskFileError(f"group {name!r} contains itself", path=scope.path, key="task")
        for_members = _without(config, GROUP_KEYS | _NOT_INHERITED)
        inner = replace(scope, overrides={**for_members, **scope.overrides}, groups=(*scope.groups, name))
        written = config.get("task") or []
        members = {
            node.name: node
            for member in (written if isinstance(written, list) else [written])
            for node in self._member(member, inner)
        }
        return ResolvedGroup(name, config, members, scope.path, source)

    def _member(self, member: object, scope: _Scope) -> list[Resolved]:
        if isinstance(member, Mapping):
            return self._item(member, scope)
        entry = self._index.get(str(member))
        if entry is None:
            raise scope.unknown(str(member), self._index)
        return self._entry(entry, scope) if self._follow_names else []

    def _item(self, item: Mapping[str, object], scope: _Scope) -> list[Resolved]:
        name = item["group"] if "group" in item else item.get("task")
        entry = None if name is None else self._index.get(str(name))
        if "group" in item and item.get("task") is not None:
            full = str(name) if entry is not None and entry.kind is Kind.GROUP else scope.full_name(str(name))
            check_keys(item, GROUP_KEYS, path=scope.path, owner=f"group {full!r}")
            return [self._group(full, item, scope, source=None if scope.groups else _INLINE)]
        if name is not None and not isinstance(name, (str, int)):
            raise ConfigError(f"The name of a task is text, got {name!r}; a group needs 'group' too.")
        own = _with_included(_without(item, {"task", "group"}), scope.path)
        if "class" not in own and (entry is None or entry.kind is not Kind.PY_TASK):
            check_keys(own, GROUP_KEYS, path=scope.path, owner=repr(str(name)))
        overrides = {**scope.overrides, **own}
        if entry is not None:
            return self._entry(entry, replace(scope, overrides=overrides))
        if _DATA_KEYS.isdisjoint(overrides):
            if name is None:
                raise ConfigError(f"A task needs a name or a dataset, got {dict(item)!r}.")
            if "doc_to_text" not in own:
                raise scope.unknown(str(name), self._index)
            raise TaskFileError(
                f"{scope.full_name(str(name))!r} is no task that exists, and names no dataset of its own "
                "(dataset_path or custom_dataset)",
                path=scope.path,
                key="task",
            )
        full = scope.full_name(_name_from_data(overrides) if name is None else str(name))
        if not scope.groups:
            metadata = overrides.get("metadata")
            overrides["metadata"] = {**(metadata if isinstance(metadata, Mapping) else {}), "config_source": _INLINE}
        written_out = Entry(full, Kind.PY_TASK if "class" in overrides else Kind.TASK)
        return [self._task(full, written_out, replace(scope, overrides=overrides))]


def select(
    items: Iterable[object], index: Mapping[str, Entry], unknown: Callable[[str], UserError]
) -> list[Resolved | Task | Group]:
    """Resolve the items of a selection; an item that is repeated counts once.

    Args:
        items: Names, patterns, paths, dicts, entries, Task and Group objects.
        index: All names.
        unknown: Returns the error for a name that is not known.

    Returns:
        One tree per task or group that is selected; objects stay as they are.

    Raises:
        UserError: An item selects nothing, has a fault, or reaches a task that another item reaches.
    """
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task

    selected: list[Resolved | Task | Group] = []
    seen: list[object] = []
    reached_by: dict[str, object] = {}
    for item in items:
        if any(item is other or (isinstance(item, (str, dict)) and item == other) for other in seen):
            continue
        seen.append(item)
        nodes = [item] if isinstance(item, (Task, Group)) else _resolve_item(item, index, unknown)
        for node in nodes:
            for name in _task_names(node):
                if reached_by.setdefault(name, item) is not item:
                    raise ConfigError(f"Task {name!r} is selected twice: by {reached_by[name]!r} and by {item!r}.")
        selected += nodes
    return selected


def _task_names(node: Resolved | Task | Group) -> list[str]:
    if isinstance(node, ResolvedTask):
        return [node.name]
    if isinstance(node, ResolvedGroup):
        return list(node.task_names())
    from lm_eval.api.group import Group

    tasks = node.get_all_tasks() if isinstance(node, Group) else [node]
    return [str(task.task_name) for task in tasks]


def _resolve_item(item: object, index: Mapping[str, Entry], unknown: Callable[[str], UserError]) -> list[Resolved]:
    resolver = Resolver(index)
    if isinstance(item, Entry):
        return resolver.entry(item)
    if isinstance(item, Mapping):
        return resolver.item(item)
    if isinstance(item, str):
        if item in index:
            return resolver.entry(index[item])
        if not (item.endswith((".yaml", ".yml")) and Path(item).is_file()):
            if any(sign in item for sign in "*?["):
                return _matching(item, index, resolver)
            raise unknown(item)
    elif not isinstance(item, Path):
        raise ConfigError(f"A task is named by a text, a dict or an object, got {item!r}.")
    entries = entries_in_file(Path(item).resolve())
    if not entries:
        raise TaskFileError("this file is a fragment: it has neither task, group nor class", path=Path(item).resolve())
    return [node for entry in entries for node in resolver.entry(entry)]


def _matching(pattern: str, index: Mapping[str, Entry], resolver: Resolver) -> list[Resolved]:
    """Resolve what matches: groups first, then the tasks that no group holds; a tag stands for its tasks."""
    names = match_names([pattern], index)
    if not names:
        raise ConfigError(f"No task matches the pattern {pattern!r}.")
    groups = [node for name in names if index[name].kind is Kind.GROUP for node in resolver.entry(index[name])]
    held: set[str] = set()
    for group in groups:
        if isinstance(group, ResolvedGroup):
            held.update(group.task_names(), group.group_names())
    tasks = {
        single: index[single]
        for name in names
        if index[name].kind is not Kind.GROUP
        for single in (sorted(index[name].tags) if index[name].kind is Kind.TAG else [name])
        if single not in held
    }
    return [
        *(group for group in groups if group.name not in held),
        *(node for entry in tasks.values() for node in resolver.entry(entry)),
    ]


def _without(config: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    return {key: value for key, value in config.items() if key not in keys}


def _with_included(own: dict[str, object], path: str | None) -> dict[str, object]:
    """Put the keys of the files that an item includes, relative to the group's file, under the item's own keys."""
    wanted = own.pop("include", None)
    merged: dict[str, object] = {}
    for file in included_files(path or "./inline", wanted, None) if wanted is not None else ():
        merged.update(load_file(file).data)
    return {**merged, **own}


def _name_from_data(config: Mapping[str, object]) -> str:
    return "_".join(str(config[key]) for key in ("dataset_path", "dataset_name") if config.get(key)) or "unnamed"
