"""Which task files a folder or a pattern of paths stands for, where it is given as a task."""

from __future__ import annotations

import glob
import os

__all__ = ["SUFFIXES", "files_named"]

SUFFIXES = (".yaml", ".yml")


def files_named(item: str) -> list[str]:
    """Return the task files that a folder holds, not those of its folders, or that match a pattern.

    Args:
        item: A folder, or a pattern that ends with the suffix of task files, such as ``mine/*.yaml``.

    Returns:
        Absolute paths, sorted; none for anything else.
    """
    path = os.path.expanduser(item)
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in os.listdir(path) if name.endswith(SUFFIXES)]
    elif item.endswith(SUFFIXES) and glob.has_magic(item) and not os.path.isfile(path):
        found = glob.glob(path)
    else:
        return []
    return sorted(os.path.realpath(file) for file in found if os.path.isfile(file))
