"""Locks that keep other processes from the same work."""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from pathlib import Path
from typing import BinaryIO

__all__ = ["SECONDS_FOR_ANOTHER", "FileLock", "lock", "unlock"]

SECONDS_FOR_ANOTHER = 5.0
"""How long a process of the same run that was stopped may take to end."""

_SECONDS_BETWEEN = 0.1
_changing = threading.Lock()
_held: dict[Path, tuple[BinaryIO, int]] = {}
"""File to the open file and the number of times that it is locked in this process."""


class FileLock:
    """A locked file, which the same process may lock more than once.

    The system unlocks it when the process ends, however it ends.
    """

    def __init__(self, path: Path, *, seconds: float = 0.0) -> None:
        """Lock a file, and create it and its folder if they are not there.

        Args:
            path: The file; its content does not matter. Where the file system has no locks, nothing is locked.
            seconds: How long to wait for another process. Default 0.

        Raises:
            BlockingIOError: Another process has the file locked.
            OSError: It cannot be created.
        """
        self._path = path.resolve()
        until = time.monotonic() + seconds
        while not self._take():
            if time.monotonic() >= until:
                raise BlockingIOError(errno.EAGAIN, "Another process has it locked", str(path))
            time.sleep(_SECONDS_BETWEEN)

    def _take(self) -> bool:
        with _changing:
            file, count = _held.get(self._path, (None, 0))
            if file is None:
                file = lock(self._path)
                if file is None:
                    return False
            _held[self._path] = file, count + 1
            return True

    def close(self) -> None:
        """Unlock the file, unless it is locked once more in this process."""
        with _changing:
            file, count = _held.pop(self._path)
            if count > 1:
                _held[self._path] = file, count - 1
            else:
                unlock(file)


def unlock(file: BinaryIO) -> None:
    """Unlock a file also for processes that were forked from this one, and close it.

    Args:
        file: What ``lock`` returned.
    """
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)
    file.close()


def lock(path: Path) -> BinaryIO | None:
    """Lock a file once, and create it and its folder if they are not there.

    Args:
        path: The file; its content does not matter. Where the file system has no locks, nothing is locked.

    Returns:
        The open file, which is locked until it is closed; None if it is locked already, here or elsewhere.

    Raises:
        OSError: It cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        import fcntl
    except ImportError:  # Windows
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            file.close()
            return None
    return file
