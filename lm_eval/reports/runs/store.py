"""The index on disk: an SQLite file in the user's cache folder, never in a folder of results.

It holds what was read from each file, with the size and modification time of the file. Everything in it can be read
again, so a file that is damaged, or that another version wrote, is replaced; without a folder to write to the index is
kept in memory.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lm_eval.task_files.index_cache import cache_folder
from lm_eval.text import sha256

__all__ = ["Stamp", "Store", "stamp_of", "store_path"]

_VERSION = 2
_BUSY_SECONDS = 5.0

Stamp = tuple[int, int]
"""Size in bytes and modification time in nanoseconds."""


def stamp_of(file: Path) -> Stamp:
    """Return the size and modification time of a file.

    Args:
        file: The file.

    Returns:
        Both.

    Raises:
        OSError: The file is gone.
    """
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def store_path(root: Path) -> Path:
    """Return the default file of the index of a folder.

    Args:
        root: The folder.

    Returns:
        A file in the user's cache folder.
    """
    return cache_folder() / "view" / f"{sha256(str(root.resolve()))[:16]}.sqlite"


class Store:
    """Texts and bytes by kind and path, each valid for one stamp of the file at that path."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Args:
            path: The file.
        """
        self._lock = threading.Lock()
        self._database = self._open(path)

    def _open(self, path: Path) -> sqlite3.Connection:
        with suppress(OSError, sqlite3.Error):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for _ in range(2):
                try:
                    return _connect(str(path))
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.OperationalError):
                        break
                    path.unlink(missing_ok=True)
        return _connect(":memory:")

    def all_of(self, kind: str) -> dict[str, tuple[Stamp, bytes]]:
        """Return everything of a kind.

        Args:
            kind: The kind.

        Returns:
            Path to the stamp and the content.
        """
        with self._reading() as database:
            rows = database.execute("SELECT path, size, mtime, content FROM kept WHERE kind = ?", (kind,)).fetchall()
            return {path: ((size, mtime), content) for path, size, mtime, content in rows}
        return {}

    def get(self, kind: str, path: str, stamp: Stamp) -> bytes | None:
        """Return a content.

        Args:
            kind: The kind.
            path: The path.
            stamp: The stamp that the file has now.

        Returns:
            The content; None when there is none for this stamp.
        """
        with self._reading() as database:
            query = "SELECT content FROM kept WHERE kind = ? AND path = ? AND size = ? AND mtime = ?"
            row = database.execute(query, (kind, path, *stamp)).fetchone()
            return None if row is None else bytes(row[0])
        return None

    def put(self, kind: str, contents: Mapping[str, tuple[Stamp, bytes]]) -> None:
        """Keep contents; those with the same paths are replaced.

        Args:
            kind: The kind.
            contents: Path to the stamp and the content.
        """
        rows = [(kind, path, *stamp, content) for path, (stamp, content) in contents.items()]
        with self._reading() as database, database:
            database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", rows)

    def remove(self, kind: str, paths: list[str]) -> None:
        """Forget contents.

        Args:
            kind: The kind.
            paths: Their paths.
        """
        with self._reading() as database, database:
            database.executemany("DELETE FROM kept WHERE kind = ? AND path = ?", [(kind, path) for path in paths])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Use the database alone; whatever it refuses is read from the files again."""
        with self._lock, suppress(sqlite3.Error):
            yield self._database

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        # Nothing is lost for good, so do not wait for the disk.
        database.execute("PRAGMA synchronous=OFF")
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            database.execute("DROP TABLE IF EXISTS kept")
            database.execute(f"PRAGMA user_version={_VERSION}")
        database.execute(
            "CREATE TABLE IF NOT EXISTS kept"
            " (kind TEXT, path TEXT, size INTEGER, mtime INTEGER, content BLOB, PRIMARY KEY (kind, path))"
        )
    except BaseException:
        database.close()
        raise
    return database
