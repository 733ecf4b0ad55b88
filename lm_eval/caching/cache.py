"""A folder of pickled objects, under the names of the reference harness.

Runs keep answers in a journal instead (``--output_path``, ``--use_cache``), and build requests anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
from pathlib import Path
from typing import Any

__all__ = ["FILE_SUFFIX", "HASH_INPUT", "HASH_PREFIX", "PATH", "delete_cache", "load_from_cache", "save_to_cache"]

eval_logger = logging.getLogger("lm_eval")

OVERRIDE_PATH = os.environ.get("LM_HARNESS_CACHE_PATH")
PATH = OVERRIDE_PATH or str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lm_eval" / "objects")
"""The folder."""
HASH_INPUT = "EleutherAI-lm-evaluation-harness"
HASH_PREFIX = hashlib.sha256(HASH_INPUT.encode()).hexdigest()
FILE_SUFFIX = f".{HASH_PREFIX}.pickle"
"""The end of every file's name."""
MAX_CACHE_FILENAME_BYTES = 240
CACHE_KEY_HASH_LEN = 16


def _cache_file_path(file_name: str) -> str:
    """Return the file of a name; a long name is cut and ends with a hash of all of it."""
    plain = re.sub(r"[/\\]+", "_", file_name)
    if len(f"{plain}{FILE_SUFFIX}".encode()) > MAX_CACHE_FILENAME_BYTES:
        end = f"-{hashlib.sha256(file_name.encode()).hexdigest()[:CACHE_KEY_HASH_LEN]}"
        room = MAX_CACHE_FILENAME_BYTES - len(f"{end}{FILE_SUFFIX}".encode())
        plain = (plain.encode()[:room].decode(errors="ignore").rstrip("-_.") or "cache") + end
    return os.path.join(PATH, f"{plain}{FILE_SUFFIX}")


def load_from_cache(file_name: str, cache: bool = False) -> Any:
    """Read an object.

    Args:
        file_name: Its name.
        cache: Whether to look at all.

    Returns:
        The object; None if there is none, or its file cannot be read.
    """
    if not cache:
        return None
    try:
        return pickle.loads(Path(_cache_file_path(file_name)).read_bytes())
    except Exception as error:  # a damaged file can raise anything
        eval_logger.debug("%s is not cached: %s", file_name, error)
        return None


def save_to_cache(file_name: str, obj: object) -> None:
    """Keep an object.

    Args:
        file_name: Its name.
        obj: An object that ``pickle`` can write.
    """
    path = Path(_cache_file_path(file_name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(obj))


def delete_cache(key: str = "") -> None:
    """Delete objects.

    Args:
        key: The start of their names; all by default.

    Raises:
        NotADirectoryError: The folder is a file.
    """
    try:
        names = os.listdir(PATH)
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith(key) and name.endswith(FILE_SUFFIX):
            Path(PATH, name).unlink()
