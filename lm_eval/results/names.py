"""Names of folders and files for models and tasks: plain, short enough, and never the same for two tasks of a run."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from lm_eval.text import sha256
from lm_eval.utils import sanitize_model_name, sanitize_task_name

__all__ = ["DistinctNames", "file_name", "folder_name", "hashed_name", "plain_name", "same_on_disk"]

_MAX_BYTES = 255
"""What nearly all file systems allow; some allow less."""
_HASH_DIGITS = 8
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def folder_name(model: str, parent: Path) -> str:
    """Turn the name of a model into the name of a folder.

    Args:
        model: The name; a name such as ``org/model`` becomes ``org__model``, as in the reference harness.
        parent: Where the folder will be.

    Returns:
        The name of a folder directly in ``parent``, which is not hidden. A name that had to change in other ways ends
        with a hash, so that two models do not share a folder.
    """
    relative = re.sub(r"^(?:\./+)+", "", model)  # ./models/x is the file that models/x is
    written = sanitize_model_name(relative)
    plain = _UNSAFE.sub("_", written).lstrip(".").rstrip(". ")
    if plain == written and plain:
        return _shortened(plain, relative, parent)
    return _shortened(hashed_name(plain.lstrip("._") or "model", relative), relative, parent)


def plain_name(task: str) -> str:
    """Turn the name of a task into a part of a file name; different tasks may get the same.

    Args:
        task: The name of the task.
    """
    is_plain = all(char.isalnum() or char in "_-.+" for char in task) and not task.startswith(".")
    return task if is_plain else sanitize_task_name(task)


def hashed_name(name: str, original: str) -> str:
    """Add a hash to a name.

    Args:
        name: A part of a file name.
        original: What the name stands for, which the hash is computed from.
    """
    return f"{name}-{sha256(original)[:_HASH_DIGITS]}"


def file_name(pattern: str, name: str, original: str, folder: Path) -> str:
    """Put a name into the pattern of a file name, and shorten it if the file system does not take so long a name.

    Args:
        pattern: The file name, with ``{}`` for the name.
        name: A part of a file name.
        original: What the name stands for; a hash of it ends a shortened name.
        folder: Where the file will be.
    """
    return pattern.format(_shortened(name, original, folder, used=len(pattern.encode()) - 2))


def same_on_disk(name: str) -> str:
    """Return what two names have in common that some file system takes for one.

    Args:
        name: A file name.
    """
    return unicodedata.normalize("NFC", name).casefold()


class DistinctNames:
    """Names of files, of which no two are the same, also where case does not count."""

    def __init__(self) -> None:
        """Start without names."""
        self._owners: dict[str, str] = {}

    def choose(self, original: str, plain: str, hashed: str) -> str:
        """Choose the name of something, and always the same for it.

        Args:
            original: What the name stands for.
            plain: The name, if nothing else has it.
            hashed: The name otherwise.
        """
        if self._owners.setdefault(same_on_disk(plain), original) == original:
            return plain
        self._owners[same_on_disk(hashed)] = original
        return hashed


def _shortened(name: str, original: str, folder: Path, used: int = 0) -> str:
    room = _max_bytes(folder) - used
    if len(name.encode()) <= room:
        return name
    start = name.encode()[: room - _HASH_DIGITS - 1].decode(errors="ignore")
    return hashed_name(start, original)


def _max_bytes(folder: Path) -> int:
    """Ask the file system for the longest name that it takes in a folder, which need not exist."""
    existing = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), Path())
    try:
        limit = os.pathconf(existing, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return _MAX_BYTES
    return min(limit, _MAX_BYTES) if limit > 0 else _MAX_BYTES
