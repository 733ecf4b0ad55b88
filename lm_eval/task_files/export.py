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

from lm_eval.errors import ConfigError, UserError
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.export_code import CODE, Code
from lm_eval.task_files.loader import import_all
from lm_eval.task_files.merge import keys_of
from lm_eval.task_files.parse import FunctionRef
from lm_eval.task_files.text import config_text
from lm_eval.task_files.validate import members

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["Exported", "export"]

_OURS = frozenset({"cluster_key", "fewshot_exclude_self", "formats", "doc_to_video", "tools"})
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
        names: Names and glob patterns.
        folder: A folder that does not exist or is empty.

    Returns:
        What was written.

    Raises:
        ConfigError: The folder has files.
        UnknownNameError: A name is not known.
        TaskFileError: A task file has an error.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{str(folder)!r} is no empty folder; task files are exported to a new one.")
    manager.make_importable()
    entries = [manager.task_index[name] for name in members(manager, names)]
    target.mkdir(parents=True, exist_ok=True)
    code, done = Code(manager.roots), Exported()
    for entry in entries:
        config = _flat(entry, done)
        refs: list[FunctionRef] = []
        text = config_text({key: _literal(value, refs) for key, value in config.items()}, code.name_of)
        for ref in refs:
            code.add(ref)
        (target / f"{_file_name(entry.name)}.yaml").write_text(text, encoding="utf-8")
        (done.groups if entry.kind is Kind.GROUP else done.tasks).append(entry.name)
    code.write(target / CODE)
    return done


def _flat(entry: Entry, done: Exported) -> dict[str, object]:
    config = {key: value for key, value in keys_of(entry).data.items() if key not in _NOT_WRITTEN}
    for key in sorted(config.keys() & _OURS):
        del config[key]
        done.left_out.setdefault(key, []).append(entry.name)
    metrics = config.get("metric_list")
    if isinstance(metrics, list) and any(
        isinstance(metric, Mapping) and "over_repeats" in metric for metric in metrics
    ):
        config["metric_list"] = [{key: metric[key] for key in metric if key != "over_repeats"} for metric in metrics]
        done.left_out.setdefault("over_repeats", []).append(entry.name)
    return config


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
