"""The database file of a journal: its format, and what happens to a damaged file."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from lm_eval.errors import ConfigError

__all__ = ["BUSY_SECONDS", "FORMAT", "TABLE", "add_rows", "replace_if_damaged", "rows_of"]

eval_logger = logging.getLogger("lm_eval")

BUSY_SECONDS = 60.0
"""How long a statement waits for another process."""
FORMAT = 3
"""The version of the format, as SQLite's ``user_version``."""
TABLE = "CREATE TABLE IF NOT EXISTS answers (row INTEGER PRIMARY KEY, keys BLOB NOT NULL, bodies BLOB NOT NULL)"
"""The keys come first, so that SQLite reads them without the pages of the replies."""
_MAGIC = b"SQLite format 3\0"


def rows_of(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Read a journal row by row.

    Args:
        path: The file; one that is not there has no rows.

    Yields:
        Keys and bodies of each row, in the order in which they were written.

    Raises:
        sqlite3.Error: The file cannot be read.
    """
    if path.is_file():
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            yield from connection.execute("SELECT keys, bodies FROM answers ORDER BY row")


def add_rows(path: Path, rows: Iterable[tuple[bytes, bytes]]) -> None:
    """Add rows of a journal to a copy of it; they are on disk when this returns.

    Args:
        path: The copy, which need not exist.
        rows: Keys and bodies.

    Raises:
        sqlite3.Error: The file cannot be written.
        OSError: Its folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(TABLE)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.executemany("INSERT INTO answers (keys, bodies) VALUES (?, ?)", rows)
        connection.commit()


def replace_if_damaged(path: Path, *, own: bool) -> None:
    """Replace a damaged file by a new one with the rows that can be read.

    Args:
        path: The file, which need not exist.
        own: Whether the file belongs to the run. Another file is left alone unless it has rows of answers, because it
            may be a file of another program.

    Raises:
        ConfigError: The file is left alone, and cannot be used.
        sqlite3.Error: The new file cannot be written. The old one is as before.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return
    with path.open("rb") as file:
        is_database = file.read(len(_MAGIC)) == _MAGIC
    if is_database and _is_sound(path, any_version=not own):
        return
    repaired = path.with_name(f"{path.name}.repaired")
    try:
        rows = _copy_rows(path, repaired) if is_database else 0
    except BaseException:
        repaired.unlink(missing_ok=True)
        raise
    if not rows and not own:  # perhaps a file of another program
        repaired.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be used as a file of answers: it is damaged, or no such file.")
    eval_logger.warning("%s is damaged, or of another version; what it has not is asked for again.", path)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    if rows:
        repaired.replace(path)
    else:
        path.unlink()
        repaired.unlink(missing_ok=True)


def _is_sound(path: Path, *, any_version: bool) -> bool:
    """Check the structure of the database. SQLite does not notice all damage while it reads and writes."""
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        try:
            if not any_version and connection.execute("PRAGMA user_version").fetchone()[0] not in (0, FORMAT):
                return False
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return False
            # A write that changes nothing finds a damaged header that forbids writing.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            # Others, such as a lock or a full disk, say nothing about the file.
            return not any(word in str(error) for word in ("readonly", "unsupported", "I/O"))
        except sqlite3.DatabaseError:
            return False
    return True


def _copy_rows(path: Path, repaired: Path) -> int:
    """Copy the rows that can be read to a new file; return their number."""
    repaired.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(sqlite3.connect(repaired)) as new:
        old.text_factory = bytes
        new.execute(TABLE)
        new.execute(f"PRAGMA user_version = {FORMAT}")
        new.executemany("INSERT INTO answers VALUES (?, ?, ?)", _readable_rows(old))
        new.commit()
        return int(new.execute("SELECT count(*) FROM answers").fetchone()[0])


def _readable_rows(connection: sqlite3.Connection) -> Iterator[tuple[int, bytes, bytes]]:
    """Go through the rows from both ends, because reading stops at the damage."""
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.Error):
            for row, keys, bodies in connection.execute(f"SELECT row, keys, bodies FROM answers ORDER BY row {order}"):
                if row in seen:
                    break
                seen.add(row)
                if isinstance(keys, bytes) and isinstance(bodies, bytes):
                    yield row, keys, bodies
