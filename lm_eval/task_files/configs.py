"""The whole config of an entry: its file, its overrides, and which keys may stand in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval.config.group import GROUP_KEYS
from lm_eval.config.task import TASK_KEYS
from lm_eval.errors import TaskFileError, did_you_mean
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.loader import Origin, load_file, resolve

__all__ = ["full_config", "require_keys"]

eval_logger = logging.getLogger("lm_eval")

_BUILTIN = str(Path(__file__).resolve().parent)
# Of the loader, not of the task.
_LOADER_KEYS = frozenset({"task_list", "include"})


def full_config(entry: Entry, overrides: Mapping[str, Any], *, group: bool = False) -> dict[str, Any]:
    """Load an entry's config with its functions, and lay overrides over it.

    Args:
        entry: The entry.
        overrides: Keys that replace the file's; the functions they replace are not imported.
        group: Whether the keys of a group are allowed too.

    Returns:
        The config, the caller's to change. Unknown keys of included fragments are left out, with a warning.

    Raises:
        TaskFileError: The file has a fault or an unknown key.
        MissingPackageError: A function needs a package that is not installed.
    """
    origins: dict[str, Origin] = {}
    if entry.yaml_path is None:
        data = entry.cfg or {}
    else:
        data, origins = load_file(entry.yaml_path)
    allowed = GROUP_KEYS if group else frozenset()
    config: dict[str, Any] = {}
    for key, value in data.items():
        if key in _LOADER_KEYS:
            continue
        if entry.kind is not Kind.PY_TASK and key not in TASK_KEYS and key not in allowed:
            origin = origins.get(key)
            if not _is_foreign_fragment(origin, entry):
                require_keys({key: value}, origins, allowed, path=entry.yaml_path, what=f"{entry.name!r}")
            eval_logger.warning("%s: unknown key %r in %s is ignored", entry.name, key, origin and origin.path)
            continue
        if key not in overrides:
            config[key] = resolve(value, key)
    config.update(overrides)
    return config


def _is_foreign_fragment(origin: Origin | None, entry: Entry) -> bool:
    """Tell whether a key comes from an included file that is not ours."""
    return origin is not None and origin.path != str(entry.yaml_path) and not origin.path.startswith(_BUILTIN)


def require_keys(
    config: Mapping[str, Any],
    origins: Mapping[str, Origin],
    allowed: frozenset[str],
    *,
    path: str | Path | None,
    what: str,
) -> None:
    """Refuse keys that no task has.

    Args:
        config: The keys.
        origins: Where they come from.
        allowed: Keys that are allowed beside a task's.
        path: The file to name when a key's origin is not known.
        what: Whose keys they are.

    Raises:
        TaskFileError: A key is not known.
    """
    for key in config:
        if key not in TASK_KEYS and key not in allowed and key not in _LOADER_KEYS:
            origin = origins.get(key, Origin(str(path), None) if path is not None else None)
            raise TaskFileError(
                f"{what}: unknown key {key!r}.{did_you_mean(key, TASK_KEYS | allowed)}",
                path=origin.path if origin else None,
                key=key,
                line=origin.line if origin else None,
            )
