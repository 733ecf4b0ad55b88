"""The merged keys of a task or group: its file, the files it includes, then overrides."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache

from lm_eval.config.task import TASK_KEYS
from lm_eval.errors import TaskFileError, did_you_mean
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.loader import load_file
from lm_eval.task_files.parse import Keys, Repeated
from lm_eval.task_files.roots import BUILTIN

__all__ = ["check_keys", "keys_of", "merge"]

eval_logger = logging.getLogger("lm_eval")

# Keys for the reader of task files, not for the task.
_LOADER_KEYS = frozenset({"task_list", "include"})


def keys_of(entry: Entry) -> Keys:
    """Return the keys of an entry, with includes merged and functions not imported.

    Args:
        entry: A task or group.

    Returns:
        The keys and where each is written. The values are shared and must not be changed.

    Raises:
        TaskFileError: The file cannot be read.
    """
    if entry.file is None:
        return Keys({} if entry.cfg is None else entry.cfg, {})
    return load_file(entry.file, entry.row)


def merge(entry: Entry, overrides: Mapping[str, object], allowed: frozenset[str] = frozenset()) -> dict[str, object]:
    """Lay overrides over the keys of an entry.

    Args:
        entry: A task or group.
        overrides: Keys that replace the entry's.
        allowed: Keys that are allowed in addition to a task's.

    Returns:
        The keys, with functions not imported. Unknown keys of fragments outside the library are left out, with a
        warning.

    Raises:
        TaskFileError: The file cannot be read or has an unknown key.
    """
    data, origins, _, repeated = keys_of(entry)
    if eval_logger.isEnabledFor(logging.WARNING):
        for again in repeated:
            _warn_once(again)
    merged: dict[str, object] = {}
    for key, value in data.items():
        if key in _LOADER_KEYS:
            continue
        if entry.kind is not Kind.PY_TASK and key not in TASK_KEYS and key not in allowed:
            origin = origins.get(key)
            if origin is None or origin.path == entry.file or origin.path.startswith(f"{BUILTIN}{os.sep}"):
                check_keys(
                    [key],
                    allowed,
                    path=origin.path if origin else entry.file,
                    owner=repr(entry.name),
                    line=origin and origin.line,
                )
            else:
                eval_logger.warning("%s: unknown key %r in %s is ignored", entry.name, key, origin.path)
        elif key not in overrides:
            merged[key] = value
    merged.update(overrides)
    return merged


@cache
def _warn_once(repeated: Repeated) -> None:
    """Warn of a key that a file has twice; thousands of tasks may include it."""
    eval_logger.warning("%s", repeated)


def check_keys(
    config: Iterable[str], allowed: frozenset[str], *, path: str | None, owner: str, line: int | None = None
) -> None:
    """Refuse keys that a task cannot have.

    Args:
        config: The keys.
        allowed: Keys that are allowed in addition to a task's.
        path: The file to name in the message.
        owner: The task or group that has the keys.
        line: The line of the keys, if known.

    Raises:
        TaskFileError: A key is not known.
    """
    for key in config:
        if key not in TASK_KEYS and key not in allowed and key not in _LOADER_KEYS:
            if key == "each":
                what = f"{owner}: each belongs to a row of task_list or to a member of a group"
                raise TaskFileError(what, path=path, key=key, line=line)
            near = did_you_mean(key, TASK_KEYS | allowed)
            raise TaskFileError(f"{owner}: unknown key {key!r}.{near}", path=path, key=key, line=line)
