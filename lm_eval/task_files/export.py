"""Writes tasks and groups as flat files, one per name, with the code and data that they need.

The files run in the reference harness as they are: includes, rows and tables are merged, and the code of the library is
copied next to them. Keys that only this package has are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.formats import split_format
from lm_eval.errors import ConfigError, UserError
from lm_eval.task_files.entry import Entry, Kind, names_under
from lm_eval.task_files.export_code import CODE, Code
from lm_eval.task_files.index import entries_named, with_entries
from lm_eval.task_files.loader import import_all
from lm_eval.task_files.merge import keys_of
from lm_eval.task_files.parse import FunctionRef
from lm_eval.task_files.resolve import with_included
from lm_eval.task_files.text import config_text
from lm_eval.task_files.validate import members

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["Exported", "export"]

_OURS = frozenset({"cluster_key", "fewshot_exclude_self", "formats", "doc_to_video", "scorer", "scoring", "tools"})
"""Keys of a task that the reference harness does not have."""
_FOR_FORMATS = frozenset({"question", "choices", "gold"})
"""Keys that only a prompt format reads, so that the task itself lacks nothing without them."""
_NOT_WRITTEN = _FOR_FORMATS | {"include", "task_list"}


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        tasks: The names of the tasks.
        groups: The names of the groups.
        left_out: What only this package has, such as ``cluster_key``, to the names of the tasks that lack it.
    """

    tasks: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)


def export(manager: TaskManager, names: Iterable[str], folder: str | Path) -> Exported:
    """Write tasks and groups, and the members of groups and tags, as flat files.

    Args:
        manager: Knows the names.
        names: Names and glob patterns; paths of task files and of folders with task files.
        folder: A folder that does not exist or is empty.

    Returns:
        What was written.

    Raises:
        ConfigError: The folder has files, or a name has a prompt format.
        UnknownNameError: A name is not known.
        TaskFileError: A task file has an error.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{str(folder)!r} is no empty folder; task files are exported to a new one.")
    index, names = manager.task_index, list(names)
    for name in names:
        base, wanted = (name, None) if name in index or entries_named(name) else split_format(name)
        if wanted is not None:
            raise ConfigError(f"{name!r}: a flat task file has no prompt format; export {base}.")
    manager.make_importable()
    of_files = [(name, found) for name in names if name not in index and (found := entries_named(name))]
    named = [name for name in names if name not in dict(of_files)]
    written = {entry.name: entry for _, found in of_files for entry in found}
    index = with_entries(index, written.values())
    inner = names_under(index, written)
    for name in members(manager, named):
        if written.get(name, index[name]) is not manager.task_index[name]:
            raise ConfigError(f"{name!r} is also the name of a task in one of the files; export them one by one.")
        inner.add(name)
    entries = [index[name] for name in sorted(inner) if index[name].kind is not Kind.TAG]
    target.mkdir(parents=True, exist_ok=True)
    code, done = Code(manager.roots), Exported()
    for entry in entries:
        config = _flat(entry, done, index)
        refs: list[FunctionRef] = []
        text = config_text({key: _literal(value, refs) for key, value in config.items()}, code.name_of)
        for ref in refs:
            code.add(ref)
        (target / f"{_file_name(entry.name)}.yaml").write_text(text, encoding="utf-8")
        (done.groups if entry.kind is Kind.GROUP else done.tasks).append(entry.name)
    code.write(target / CODE)
    return done


def _flat(entry: Entry, done: Exported, index: Mapping[str, Entry]) -> dict[str, object]:
    left_out: set[str] = set()
    config = _Flat(entry, index, left_out).keys(keys_of(entry).data)
    for key in sorted(left_out):
        done.left_out.setdefault(key, []).append(entry.name)
    return config


@dataclass(frozen=True, slots=True)
class _Flat:
    """Takes out of a config what only this package has.

    Attributes:
        entry: The task or group.
        index: All names.
        left_out: Gets what was taken out.
    """

    entry: Entry
    index: Mapping[str, Entry]
    left_out: set[str]

    def keys(self, written: Mapping[str, object]) -> dict[str, object]:
        """Return the keys that the reference harness has, also in the members of a group."""
        config = {key: value for key, value in written.items() if key not in _NOT_WRITTEN | _OURS}
        self.left_out.update(written.keys() & _OURS)
        metrics, inner = config.get("metric_list"), config.get("task")
        if isinstance(metrics, list) and any(isinstance(one, Mapping) and "over_repeats" in one for one in metrics):
            config["metric_list"] = [{key: one[key] for key in one if key != "over_repeats"} for one in metrics]
            self.left_out.add("over_repeats")
        if isinstance(inner, list):
            config["task"] = [self.member(member) for member in inner]
        elif "group" in config and isinstance(inner, str):
            config["task"] = self.member(inner)
        return config

    def member(self, member: object) -> object:
        """Return a member of a group, without includes and without the format of a name such as ``arc_easy@mcqa``."""
        if isinstance(member, str) and member not in self.index:
            base, wanted = split_format(member)
            self.left_out.update(() if wanted is None else ("formats",))
            return base
        if not isinstance(member, Mapping):
            return member
        names = {key: self.member(member[key]) for key in ("task",) if isinstance(member.get(key), str)}
        own = {key: value for key, value in member.items() if key not in names}
        return self.keys({**names, **with_included(own, self.entry.file)})


def _literal(value: object, refs: list[FunctionRef]) -> object:
    """Replace names of lists and texts by what they stand for, and collect the other functions."""
    if isinstance(value, dict):
        return {key: _literal(item, refs) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item, refs) for item in value]
    if isinstance(value, FunctionRef):
        try:
            found = import_all({"value": value})["value"]
        except UserError:  # such as a package that is not installed here
            found = None
        if isinstance(found, (list, dict, str)):
            return found
        refs.append(value)
    return value


def _file_name(name: str) -> str:
    return re.sub(rf"[{re.escape(os.sep)}/:]", "_", name)
