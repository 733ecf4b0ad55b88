"""The journal: replies on disk, so that no request is sent, or paid for, twice.

The journal is an SQLite file. One row holds all replies of a quarter of a second: their keys and lengths, and then
their bytes as the endpoint sent them. A thread commits four times per second, so a killed process loses at most the
replies of that time. SQLite's write-ahead log with full synchronisation keeps committed replies through a power cut,
and lets two processes share a file. Errors are not stored.

Replies are stored in batches: with one row per reply the writer thread would wait for the GIL after every row, and a
resumed run would need one query per reply. Long replies, such as echoed prompts, are compressed; zlib releases the GIL.

Each reply has a checksum. A reply that a broken disk or an interrupted copy has damaged is not there: it is asked for
again. A damaged database is replaced by a new one with the rows that can be read.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import logging
import sqlite3
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lm_eval.errors import ConfigError, RunStopped
from lm_eval.models.http.file_lock import SECONDS_FOR_ANOTHER, FileLock
from lm_eval.models.http.journal_file import BUSY_SECONDS, FORMAT, TABLE, replace_if_damaged

__all__ = ["Journal", "answer_identity", "answer_key"]

eval_logger = logging.getLogger("lm_eval")

_COMMIT_SECONDS = 0.25
_MIN_COMPRESSED_BYTES = 8192
_MAX_PENDING_BYTES = 1 << 25
_KEY_BYTES, _IDENTITY_BYTES = 16, 4
_HEAD = struct.Struct(f"<{_KEY_BYTES}sI")
"""A key and the length of its reply; the highest bit of the length is set if the reply is compressed."""
_ENTRY = struct.Struct(f"<{_KEY_BYTES}sII")
"""The same, and the CRC-32 of key, length and stored reply."""
_COMPRESSED, _FORGOTTEN = 1 << 31, 0
_INDEX_BITS = 24
"""The position of a reply is the number of its row, followed by these bits for its index in the row."""
_NOT_WRITTEN = -1
_MAX_CACHED_ROWS = 4
_Row = tuple[list[tuple[int, bytes, int, int]], bytes]
"""Start, key, length and checksum of each reply, and the bytes that hold the replies."""


def _checksum(key: bytes, length: int, stored: bytes) -> int:
    return zlib.crc32(stored, zlib.crc32(_HEAD.pack(key, length)))


def _entry(key: bytes, length: int, stored: bytes) -> bytes:
    return _ENTRY.pack(key, length, _checksum(key, length, stored))


def _entries(keys: object) -> Iterator[tuple[bytes, int, int]]:
    """Read the keys of a row; a damaged row may end in the middle of an entry, or hold something else."""
    if isinstance(keys, bytes):
        yield from _ENTRY.iter_unpack(keys[: len(keys) - len(keys) % _ENTRY.size])


def answer_identity(endpoints: str, model: str = "") -> str:
    """Say whose replies they are, for their keys.

    Args:
        endpoints: All configured endpoints, without credentials, in a fixed order.
        model: What the model is beyond its name; empty if no server says so.
    """
    return f"{endpoints}\n{model}" if model else endpoints


def answer_key(identity: str, path: str, body: bytes, repeat: int) -> bytes:
    """Compute the key of a reply.

    Args:
        identity: The return value of ``answer_identity``.
        path: The API path of the call.
        body: The bytes of the payload.
        repeat: Number of the repeat of the same payload.

    Returns:
        32 bits of a SHA-256 digest of the identity, and 96 bits of a digest of everything.
    """
    start, begun = _begun_key(identity, path, repeat)
    digest = begun.copy()
    digest.update(body)
    return start + digest.digest()[: _KEY_BYTES - _IDENTITY_BYTES]


@functools.lru_cache(maxsize=256)
def _begun_key(identity: str, path: str, repeat: int) -> tuple[bytes, hashlib._Hash]:
    """Return the start of keys, and the digest of all that comes before the body."""
    begun = hashlib.sha256(f"{identity}\n{path}\n{repeat}\n".encode("utf-8", "surrogatepass"))
    return _start_of_keys(identity), begun


def _start_of_keys(identity: str) -> bytes:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).digest()[:_IDENTITY_BYTES]


class Journal:
    """A file of replies. ``get`` and ``put`` belong to one thread; commits run in another thread.

    Attributes:
        path: The file.
        resumed: Number of replies in the file when it was opened.
        damaged: Number of replies that were looked up and turned out to be damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        fresh: bool = False,
        own: bool = False,
        copy: Callable[[bytes, bytes], None] | None = None,
    ) -> None:
        """Open or create the file.

        Args:
            path: The file.
            fresh: Remove all replies from it.
            own: Whether the file belongs to the run. Then a file that is no database is replaced, and a second process
                is refused; another file that is no database is refused, because the user may have named the wrong one.
            copy: Receives the keys and the bodies of each row that was written, for ``add_rows`` on another machine.

        Raises:
            ConfigError: The file cannot be used.
            RunStopped: Another process does the same run.
        """
        self.damaged = 0
        self.path, self._copy = path, copy
        self._pending: dict[bytes, bytes] = {}
        self._writing: dict[bytes, bytes] = {}
        self._pending_bytes = 0
        self._cached_rows: OrderedDict[int, _Row] = OrderedDict()
        self._lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._connections: list[sqlite3.Connection] = []
        self._file_lock: FileLock | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if own:
                self._file_lock = FileLock(path.with_name(f"{path.name}-lock"), seconds=SECONDS_FOR_ANOTHER)
            replace_if_damaged(path, own=own)
            self._open(fresh)
        except Exception as error:
            self._disconnect()
            if isinstance(error, BlockingIOError):
                raise RunStopped(
                    f"Stopped: another process does the same run, with the answers in {path}. It would be paid twice;"
                    " wait until that process ends, and repeat the command if anything is missing."
                ) from None
            if isinstance(error, (sqlite3.Error, OSError, ValueError)):
                raise ConfigError(f"{path} cannot be used as a file of answers: {error}") from error
            raise
        self.resumed = len(self._positions)
        self._thread = threading.Thread(target=self._commit_regularly, name="lm-eval-journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connections.append(connection)
        # Under load a row is megabytes long, and SQLite checks and copies it page by page. Applies to new files only.
        connection.execute("PRAGMA page_size = 65536")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _open(self, fresh: bool) -> None:
        self._reader, self._writer = self._connect(), self._connect()
        # Use one transaction, so that no other process finds a file without its table.
        self._writer.execute("BEGIN IMMEDIATE")
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if fresh:
            self._writer.execute("DROP TABLE IF EXISTS answers")
        elif version not in (0, FORMAT):
            raise ConfigError(f"{self.path} was written by another version; use another file, or --fresh.")
        self._writer.execute(TABLE)
        if version != FORMAT:
            self._writer.execute(f"PRAGMA user_version = {FORMAT}")
        self._writer.execute("COMMIT")
        self._positions = self._read_positions()

    def _disconnect(self) -> None:
        for connection in self._connections:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._connections.clear()
        if self._file_lock is not None:
            self._file_lock.close()
            self._file_lock = None

    def _read_positions(self) -> dict[bytes, int]:
        positions: dict[bytes, int] = {}
        for row, keys in self._reader.execute("SELECT row, keys FROM answers ORDER BY row"):
            for position, (key, length, checksum) in enumerate(_entries(keys), row << _INDEX_BITS):
                if length != _FORGOTTEN:
                    positions[key] = position
                elif checksum == _checksum(key, length, b""):
                    positions.pop(key, None)
        return positions

    def count(self, identity: str) -> int:
        """Count the replies of a model.

        Args:
            identity: The return value of ``answer_identity``.
        """
        start = _start_of_keys(identity)
        return sum(key.startswith(start) for key in self._positions)

    def replies(self) -> Iterator[bytes]:
        """Yield the JSON of all replies, in the order in which they came."""
        for key in list(self._positions):
            if (body := self.get(key)) is not None:
                yield body

    def has(self, key: bytes) -> bool:
        """Say whether there is a reply.

        Args:
            key: Its key.
        """
        return key in self._positions

    def get(self, key: bytes) -> bytes | None:
        """Look up a reply.

        Args:
            key: Its key.

        Returns:
            The JSON that the endpoint sent, or None.
        """
        position = self._positions.get(key)
        if position is None:
            return None
        if position == _NOT_WRITTEN:
            with self._lock:
                body = self._pending.get(key) or self._writing.get(key)
            if body is not None:
                return body
            position = self._positions[key]
        row = position >> _INDEX_BITS
        found = self._cached_rows.get(row) or self._fetch(row)
        if found is None:
            return None
        spans, bodies = found
        index = position & ((1 << _INDEX_BITS) - 1)
        if index >= len(spans) or spans[index][1] != key:  # another process has emptied the file and written this row
            return None
        start, _, length, checksum = spans[index]
        stored = bodies[start : start + (length & ~_COMPRESSED)]
        if checksum != _checksum(key, length, stored):
            self._positions.pop(key, None)
            self.damaged += 1
            return None
        return zlib.decompress(stored) if length >= _COMPRESSED else stored

    def _fetch(self, row: int) -> _Row | None:
        """Read a row and cache it: a resumed run looks up neighbours one after another."""
        try:
            found = self._reader.execute("SELECT keys, bodies FROM answers WHERE row = ?", (row,)).fetchone()
        except sqlite3.DatabaseError:  # damaged since the file was opened
            self.damaged += 1
            return None
        if found is None:  # another process has emptied the file, or the write failed
            return None
        keys, bodies = found
        spans: list[tuple[int, bytes, int, int]] = []
        start = 0
        for key, length, checksum in _entries(keys):
            spans.append((start, key, length, checksum))
            start += length & ~_COMPRESSED
        self._cached_rows[row] = spans, bodies if isinstance(bodies, bytes) else b""
        if len(self._cached_rows) > _MAX_CACHED_ROWS:
            self._cached_rows.popitem(last=False)
        return self._cached_rows[row]

    def put(self, key: bytes, body: bytes) -> None:
        """Store a reply; it is on disk within half a second.

        Where replies come faster than they can be written, this waits until they are.

        Args:
            key: Its key.
            body: The JSON that the endpoint sent; not empty.

        Raises:
            ConfigError: An earlier reply could not be written.
        """
        if self._failure is not None:
            raise ConfigError(f"{self.path} cannot be written: {self._failure}")
        self._positions[key] = _NOT_WRITTEN
        with self._lock:
            self._pending[key] = body
            self._pending_bytes += len(body)
        if self._pending_bytes > _MAX_PENDING_BYTES:
            self.commit()

    def forget(self, keys: Iterable[bytes]) -> None:
        """Remove replies that could not be used.

        Args:
            keys: Their keys.

        Raises:
            ConfigError: The file cannot be written.
        """
        self.commit()
        known = [key for key in keys if self._positions.pop(key, None) is not None]
        if known:
            with self._commit_lock:
                try:
                    self._insert([_entry(key, _FORGOTTEN, b"") for key in known], [])
                except sqlite3.Error as error:
                    raise ConfigError(f"{self.path} cannot be written: {error}") from error

    def commit(self) -> None:
        """Write all new replies."""
        with self._commit_lock:
            with self._lock:
                if not self._pending:
                    return
                self._writing, self._pending, self._pending_bytes = self._pending, {}, 0
            try:
                entries, bodies = [], []
                for key, body in self._writing.items():
                    long = len(body) > _MIN_COMPRESSED_BYTES
                    kept = zlib.compress(body, 1) if long else body
                    entries.append(_entry(key, len(kept) | (_COMPRESSED if long else 0), kept))
                    bodies.append(kept)
                first = self._insert(entries, bodies) << _INDEX_BITS
                self._positions.update(zip(self._writing, itertools.count(first)))
            except (sqlite3.Error, MemoryError, OverflowError) as error:
                self._failure = error
                eval_logger.error("Answers cannot be written to %s: %s", self.path, error)
            finally:
                with self._lock:
                    self._writing = {}

    def _insert(self, entries: Sequence[bytes], bodies: Sequence[bytes]) -> int:
        """Write a row in its own transaction; return its number."""
        values = (b"".join(entries), b"".join(bodies))
        row = self._writer.execute("INSERT INTO answers (keys, bodies) VALUES (?, ?)", values).lastrowid
        assert row is not None
        if self._copy is not None:
            self._copy(*values)
        return row

    def close(self) -> None:
        """Write all new replies and close the file."""
        self._closing.set()
        self._thread.join()
        self.commit()
        self._disconnect()
        if self.damaged:
            eval_logger.warning("%d answers in %s were damaged; they were asked for again.", self.damaged, self.path)

    def _commit_regularly(self) -> None:
        while not self._closing.wait(_COMMIT_SECONDS):
            self.commit()
