"""What a running program uses in all: the memory of its processes, and the size of its files."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["memory_mb", "size_mb"]

_MEGABYTE = 1 << 20


def memory_mb(first: int) -> float:
    """Add up the memory of a process and all that descend from it.

    Pages that processes share count once for each, so that the sum is never too small.

    Args:
        first: Number of the process.

    Returns:
        Resident memory in MB; 0 where there is no ``/proc``.
    """
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of a program, in parentheses, may hold spaces and parentheses.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            parents[int(stat.parent.name)], pages[int(stat.parent.name)] = int(fields[1]), int(fields[21])
        except (OSError, IndexError, ValueError):
            # The process ended in the meantime.
            continue
    family, added = {first}, True
    while added:
        children = {number for number, parent in parents.items() if parent in family} - family
        family |= children
        added = bool(children)
    return sum(pages.get(number, 0) for number in family) * os.sysconf("SC_PAGE_SIZE") / _MEGABYTE


def size_mb(folder: str) -> float:
    """Add up the sizes on disk of all files in a folder.

    Args:
        folder: The folder.

    Returns:
        The sum in MB; files that were deleted but are still open are not in it.
    """
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except OSError:
                # It was removed in the meantime.
                continue
    return total / _MEGABYTE
