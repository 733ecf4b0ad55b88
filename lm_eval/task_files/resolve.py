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

``name@format`` asks a task, or all tasks with choices of a group, in a prompt format. The format becomes a part of the
names in results. A task of a group that cannot be asked so stays as it is, under its own name.

Names: a member that is written out in a group, and is not a name in the index, is called ``parent::name``. A task
that one tree reaches twice is one task if its overrides are equal, and an error if they differ. A task that two items
of a selection reach is always an error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.formats import format_name, split_format
from lm_eval.config.group import GROUP_KEYS
from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError, UserError
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.includes import included_files
from lm_eval.task_files.index import entries_in_file, entry_in_file, match_names, with_entries
from lm_eval.task_files.loader import load_file
from lm_eval.task_files.merge import check_keys, keys_of, merge
from lm_eval.task_files.paths import SUFFIXES, files_named

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task

__all__ = ["Resolved", "ResolvedGroup", "ResolvedTask", "Resolver", "select"]

eval_logger = logging.getLogger("lm_eval")

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
        format: The prompt format that was asked for; None leaves the task as its file has it.
    """

    name: str
    entry: Entry
    overrides: Mapping[str, object]
    format: str | None = None


@dataclass(frozen=True, slots=True)
class ResolvedGroup:
    """A group to build.

    Attributes:
        name: The name of the group.
        config: Its keys: those of a group, and those it sets for its members.
        members: Its members by name.
        path: The file the group is written in; None for a group in a dict of the caller.
        line: The line in that file, if it defines more than this group.
        source: The ``config_source`` of its metadata; None leaves it out.
        format: The prompt format that was asked for.
    """

    name: str
    config: Mapping[str, object]
    members: Mapping[str, Resolved]
    path: str | None
    line: int | None
    source: str | None
    format: str | None = None

    def inside(self) -> Iterator[Resolved]:
        """Yield the tasks and groups in this group and in its inner groups, depth first."""
        for member in self.members.values():
            yield member
            if isinstance(member, ResolvedGroup):
                yield from member.inside()


Resolved = ResolvedTask | ResolvedGroup


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves what stands at one place of a tree; a new one starts a tree.

    Attributes:
        index: All names.
        overrides: Keys of the caller and of the groups around, for all tasks from here down.
        follow_names: False leaves out members of groups that are plain names, and only checks that they exist.
        groups: The names of the groups around, outermost first.
        path: The file of the innermost group that has one.
        line: The line of that group, if its file defines more.
        seen: The overrides of the tasks of the tree so far.
        format: The prompt format of all tasks from here down; None leaves each as its file has it.
        single: Whether one task was asked for by its name; if it cannot have the format, that is an error.
    """

    index: Mapping[str, Entry]
    overrides: Mapping[str, object] = field(default_factory=dict)
    follow_names: bool = True
    groups: tuple[str, ...] = ()
    path: str | None = None
    line: int | None = None
    seen: dict[str, Mapping[str, object]] = field(default_factory=dict)
    format: str | None = None
    single: bool = True

    def entry(self, entry: Entry) -> list[Resolved]:
        """Resolve an entry of the index.

        Args:
            entry: The entry.

        Returns:
            The task or the group; for a tag, its tasks, sorted by name.

        Raises:
            TaskFileError: A file cannot be read, has an unknown key, or a group contains itself.
            UnknownNameError: A member does not exist.
        """
        if entry.kind is Kind.TAG:
            inner = replace(self, overrides=_without(self.overrides, {"task_alias"}), single=False)
            return [node for name in sorted(entry.tags) for node in inner.entry(self.index[name])]
        if entry.kind is not Kind.GROUP:
            return [self._task(entry.name, entry)]
        of_group = {key: value for key, value in self.overrides.items() if key in GROUP_KEYS - {"group", "task"}}
        if "task_alias" in self.overrides:
            of_group.setdefault("group_alias", self.overrides["task_alias"])
        for_members = _without(self.overrides, GROUP_KEYS | {"task_alias"})
        inner = replace(self, overrides=for_members, path=entry.file, line=entry.line or None)
        return [inner._group(entry.name, merge(entry, of_group, GROUP_KEYS), source=entry.source)]

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
        name = item["group"] if "group" in item else item.get("task")
        entry = None if name is None else self.index.get(str(name))
        if entry is None and "group" not in item and isinstance(name, str) and "@" in name:
            base, wanted = split_format(name)
            if base in self.index:
                return replace(self, format=wanted).item({**item, "task": base})
        if "group" in item and item.get("task") is not None:
            full = str(name) if entry is not None and entry.kind is Kind.GROUP else self._full_name(str(name))
            check_keys(item, GROUP_KEYS, path=self.path, owner=f"group {full!r}", line=self.line)
            return [self._group(full, item, source=None if self.groups else _INLINE)]
        if name is not None and not isinstance(name, (str, int)):
            raise ConfigError(f"The name of a task must be a string, got {name!r}; a group also needs 'group'.")
        own = with_included(_without(item, {"task", "group"}), self.path)
        if "class" not in own and (entry is None or entry.kind is not Kind.PY_TASK):
            check_keys(own, GROUP_KEYS, path=self.path, owner=repr(str(name)), line=self.line)
        overrides = {**self.overrides, **own}
        if entry is not None:
            return replace(self, overrides=overrides).entry(entry)
        if _DATA_KEYS.isdisjoint(overrides):
            if name is None:
                raise ConfigError(f"A task needs a name or a dataset, got {dict(item)!r}.")
            if "doc_to_text" not in own:
                raise self._unknown(str(name))
            raise self._fault(
                f"task {self._full_name(str(name))!r} does not exist, and the item has no dataset "
                "(dataset_path or custom_dataset)"
            )
        full = self._full_name(_name_from_data(overrides) if name is None else str(name))
        if not self.groups:
            metadata = overrides.get("metadata")
            overrides["metadata"] = {**(metadata if isinstance(metadata, Mapping) else {}), "config_source": _INLINE}
        written_out = Entry(full, Kind.PY_TASK if "class" in overrides else Kind.TASK)
        return [replace(self, overrides=overrides)._task(full, written_out)]

    def _task(self, name: str, entry: Entry) -> ResolvedTask:
        wanted = self._format_of(name, entry)
        full = f"{name}@{wanted}" if wanted else name
        overrides = self.overrides
        if wanted is None and entry.file is not None and "formats" in overrides:
            overrides = _without(overrides, {"formats"})  # the group's format is not for this task
        if self.seen.setdefault(full, overrides) != overrides:
            raise self._fault(f"task {full!r} is a member twice, with different settings")
        return ResolvedTask(full, entry, overrides, wanted)

    def _format_of(self, name: str, entry: Entry) -> str | None:
        """Return the format of a task, as it is told by its name; None where the task stays as its file has it."""
        from lm_eval.api.formatted_task import why_not

        wanted = self.format
        if wanted is None and entry.file is not None and self.overrides.get("formats") is not None:
            wanted = format_name(self.overrides["formats"])
        if wanted is None:
            return None
        reason = why_not({**keys_of(entry).data, **self.overrides})
        if reason is None:
            return wanted
        if self.single:
            raise ConfigError(f"{name}@{wanted}: {name} cannot be asked as {wanted}: {reason}.")
        eval_logger.debug("%s is asked as it is, without @%s: %s.", name, wanted, reason)
        return None

    def _group(self, name: str, config: Mapping[str, object], source: str | None) -> ResolvedGroup:
        if name in self.groups:
            raise self._fault(f"group {name!r} contains itself")
        for_members = {**_without(config, GROUP_KEYS | _NOT_INHERITED), **self.overrides}
        inner = replace(self, overrides=for_members, groups=(*self.groups, name), single=False)
        written = config.get("task")
        members = written if isinstance(written, list) else [written] if written else []
        resolved = {node.name: node for member in members for node in inner._member(member)}
        group = ResolvedGroup(name, config, resolved, self.path, self.line, source)
        return group if self.format is None else _formatted(group, self.format)

    def _member(self, member: object) -> list[Resolved]:
        if isinstance(member, Mapping):
            return self.item(member)
        entry = self.index.get(str(member))
        if entry is None and "@" in str(member):
            base, wanted = split_format(str(member))
            if base in self.index:
                return replace(self, format=wanted)._member(base)
        if entry is None:
            raise self._unknown(str(member))
        return self.entry(entry) if self.follow_names else []

    def _full_name(self, name: str) -> str:
        """Return the name of a member that is written out here."""
        return f"{self.groups[-1]}::{name}" if self.groups else name

    def _fault(self, what: str) -> TaskFileError:
        return TaskFileError(what, path=self.path, key="task", line=self.line)

    def _unknown(self, name: str) -> UserError:
        error = UnknownNameError("task or group", name, self.index)
        if not self.groups:
            return error
        return self._fault(f"group {self.groups[-1]!r}: {error}")


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
        UserError: An item selects nothing, has an error, or reaches a task that another item reaches.
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
        return [inner.name for inner in node.inside() if isinstance(inner, ResolvedTask)]
    from lm_eval.api.group import Group

    tasks = node.get_all_tasks() if isinstance(node, Group) else [node]
    return [str(task.task_name) for task in tasks]


def _resolve_item(
    item: object, index: Mapping[str, Entry], unknown: Callable[[str], UserError], wanted: str | None = None
) -> list[Resolved]:
    resolver = Resolver(index, format=wanted)
    if isinstance(item, str) and item not in index and "@" in item and not Path(item).exists():
        base, wanted = split_format(item)
        if wanted is not None:
            nodes = _resolve_item(base, index, unknown, wanted)
            _check_formatted(base, wanted, nodes)
            return nodes
    if isinstance(item, Entry):
        return resolver.entry(item)
    if isinstance(item, Mapping):
        return resolver.item(item)
    if isinstance(item, str):
        if item in index:
            return resolver.entry(index[item])
        if files := files_named(item):
            return _from_files(item, files, resolver)
        if not (item.endswith(SUFFIXES) and Path(item).is_file()):
            if row := entry_in_file(item):
                return replace(resolver, index=with_entries(index, row[1])).entry(row[0])
            if any(sign in item for sign in "*?["):
                return _matching(item, resolver)
            raise unknown(item)
    elif isinstance(item, Path):
        if files := files_named(str(item)):
            return _from_files(str(item), files, resolver)
    else:
        raise ConfigError(f"A task is selected by a name, a path, a dict or an object, got {item!r}.")
    file = str(Path(item).resolve())
    if not entries_in_file(file):
        raise TaskFileError("this file is a fragment: it has neither task, group nor class", path=file)
    return _from_files(str(item), [file], resolver)


def _matching(pattern: str, resolver: Resolver) -> list[Resolved]:
    names = match_names([pattern], resolver.index)
    if not names:
        raise ConfigError(f"No task matches the pattern {pattern!r}.")
    return _groups_first(names, resolver)


def _from_files(item: str, files: Iterable[str], resolver: Resolver) -> list[Resolved]:
    """Resolve what files define; their names count before those of the index, also as members of their groups."""
    entries = {entry.name: entry for file in files for entry in entries_in_file(file)}
    if not entries:
        raise ConfigError(f"No file of {item!r} defines a task.")
    index = with_entries(resolver.index, entries.values())
    return _groups_first(list(entries), replace(resolver, index=index, single=len(entries) == 1))


def _groups_first(names: Sequence[str], resolver: Resolver) -> list[Resolved]:
    """Resolve names: groups first, then the tasks that no group holds; a tag stands for its tasks."""
    index, resolver = resolver.index, replace(resolver, seen={}, single=resolver.single and len(names) == 1)
    groups = [node for name in names if index[name].kind is Kind.GROUP for node in resolver.entry(index[name])]
    held = {_origin(inner) for group in groups if isinstance(group, ResolvedGroup) for inner in group.inside()}
    found = [group for group in groups if _origin(group) not in held]
    for name in names:
        for single in sorted(index[name].tags) if index[name].kind is Kind.TAG else [name]:
            if index[name].kind is not Kind.GROUP and single not in held:
                held.add(single)
                found += resolver.entry(index[single])
    return found


def _origin(node: Resolved) -> str:
    """Return the name without the format that was asked for."""
    wanted = f"@{node.format}" if node.format else ""
    return node.name.removesuffix(wanted)


def _check_formatted(base: str, wanted: str, nodes: Sequence[Resolved]) -> None:
    """Refuse a format that none of the tasks of a group or pattern can have."""
    from lm_eval.api.formatted_task import why_not

    inner = [node for top in nodes for node in ([top] if isinstance(top, ResolvedTask) else top.inside())]
    leaves = [node for node in inner if isinstance(node, ResolvedTask)]
    if leaves and not any(node.format for node in leaves):
        first = leaves[0]
        reason = why_not({**keys_of(first.entry).data, **first.overrides})
        raise ConfigError(f"{base}@{wanted}: none of its tasks can be asked as {wanted}; {first.name}: {reason}.")


def _formatted(group: ResolvedGroup, wanted: str) -> ResolvedGroup:
    """Return a group under the name of its format, with the scores that its tasks have there; as it is without any."""
    leaves = [node for node in group.inside() if isinstance(node, ResolvedTask)]
    inside = [node for node in leaves if node.format]
    if leaves and not inside:
        return group
    config = dict(group.config)
    if config.get("group_alias") is not None:
        config["group_alias"] = f"{config['group_alias']}@{wanted}"
    listed = config.get("aggregate_metric_list")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    if entries:
        by_size = entries[0].get("weight_by_size", True)
        others = [entry for entry in entries if entry.get("metric") != "acc"] if len(inside) < len(leaves) else []
        config["aggregate_metric_list"] = [{"metric": "acc", "weight_by_size": by_size}, *others]
    return replace(group, name=f"{group.name}@{wanted}", config=config, format=wanted)


def _without(config: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    return {key: value for key, value in config.items() if key not in keys}


def with_included(own: dict[str, object], path: str | None) -> dict[str, object]:
    """Put the keys of the files that an item includes under the item's own keys.

    Args:
        own: The keys of the item; ``include`` is taken out of them.
        path: The file of the item, to which the names of its includes are relative.

    Returns:
        The keys of both.

    Raises:
        TaskFileError: A file cannot be read.
    """
    wanted = own.pop("include", None)
    merged: dict[str, object] = {}
    for file, name in included_files(path or "./inline", wanted, None) if wanted is not None else ():
        merged.update(load_file(file, name).data)
    return {**merged, **own}


def _name_from_data(config: Mapping[str, object]) -> str:
    return "_".join(str(config[key]) for key in ("dataset_path", "dataset_name") if config.get(key)) or "unnamed"
