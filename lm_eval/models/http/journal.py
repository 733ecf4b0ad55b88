"""Answers on disk: nothing that was answered is asked, or paid for, twice.

One SQLite file, a row for all answers of a quarter of a second: their keys and lengths, and their bytes as the endpoint
sent them, one after another. A thread commits what has come in several times a second, so at most that much is at risk
when the process is killed; SQLite's write-ahead log with full synchronisation keeps what is committed through a power
cut and lets two processes use one file. Errors are not stored.

A row an answer would have the thread wait for the interpreter's lock after each, behind the event loop, and a run that
resumes look each of them up by itself. Long answers, such as echoed prompts, are compressed: zlib lets go of that lock.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import sqlite3
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from lm_eval.errors import ConfigError

__all__ = ["Journal", "answer_key"]

eval_logger = logging.getLogger("lm_eval")

_COMMIT_EVERY = 0.25
_BUSY_SECONDS = 60.0
_SHORT = 8192
_FORMAT = 2
_KEY_BYTES = 16
_ENTRY = struct.Struct(f"<{_KEY_BYTES}sI")
"""A key and its answer's length; the highest bit of the length tells that the answer is compressed."""
_COMPRESSED, _FORGOTTEN = 1 << 31, 0
_PLACE_BITS = 24
"""Where an answer is: the row's number, then these bits for its place in the row."""
_WAITING = -1
_ROWS_AT_HAND = 4
_Row = tuple[list[tuple[bytes, int, int, bool]], bytes]
"""Key, start, stop and compression of each answer, and the bytes they lie in."""


def answer_key(identity: str, path: str, body: bytes, repeat: int) -> bytes:
    """Compute the key of an answer.

    Args:
        identity: The endpoints, without credentials; all that are configured, in a fixed order.
        path: The call's path.
        body: The payload's bytes.
        repeat: Which repeat of the same payload.

    Returns:
        128 bits of a SHA-256 digest.
    """
    digest = hashlib.sha256(f"{identity}\n{path}\n{repeat}\n".encode("utf-8", "surrogatepass"))
    digest.update(body)
    return digest.digest()[:_KEY_BYTES]


class Journal:
    """A file of answers. ``get`` and ``put`` are for one thread; the commits run in another.

    Attributes:
        path: The file.
        resumed: How many answers it held when it was opened.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        """Open or make the file.

        Args:
            path: Where it is.
            fresh: Forget what it holds.

        Raises:
            ConfigError: The file cannot be used.
        """
        self.path = path
        self._pending: dict[bytes, bytes] = {}
        self._writing: dict[bytes, bytes] = {}
        self._at_hand: OrderedDict[int, _Row] = OrderedDict()
        self._lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._connections: list[sqlite3.Connection] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._connect(), self._connect()
            # In one transaction, so that no other process finds a file without its table.
            self._writer.execute("BEGIN IMMEDIATE")
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if fresh:
                self._writer.execute("DROP TABLE IF EXISTS answers")
            elif version not in (0, _FORMAT):
                raise ConfigError(f"{path} was written by another version; use another file, or --fresh.")
            # The keys come first, so that they are read without the pages of the answers.
            self._writer.execute(
                "CREATE TABLE IF NOT EXISTS answers (row INTEGER PRIMARY KEY, keys BLOB NOT NULL, bodies BLOB NOT NULL)"
            )
            if version != _FORMAT:
                self._writer.execute(f"PRAGMA user_version = {_FORMAT}")
            self._writer.execute("COMMIT")
            self._places = self._read_places()
        except Exception as error:
            for connection in self._connections:
                connection.close()
            if isinstance(error, (sqlite3.Error, OSError, ValueError, struct.error)):
                raise ConfigError(f"{path} cannot be used as a file of answers: {error}") from error
            raise
        self.resumed = len(self._places)
        self._thread = threading.Thread(target=self._commit_regularly, name="lm-eval-journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connections.append(connection)
        # Under load a row is megabytes long, and SQLite checks and copies it page by page. Only a new file heeds this.
        connection.execute("PRAGMA page_size = 65536")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _read_places(self) -> dict[bytes, int]:
        places: dict[bytes, int] = {}
        for row, keys in self._reader.execute("SELECT row, keys FROM answers ORDER BY row"):
            for place, (key, length) in enumerate(_ENTRY.iter_unpack(keys), row << _PLACE_BITS):
                if length == _FORGOTTEN:
                    places.pop(key, None)
                else:
                    places[key] = place
        return places

    def get(self, key: bytes) -> bytes | None:
        """Look an answer up.

        Args:
            key: Its key.

        Returns:
            The JSON the endpoint sent, or None.
        """
        place = self._places.get(key)
        if place is None:
            return None
        if place == _WAITING:
            with self._lock:
                body = self._pending.get(key) or self._writing.get(key)
            if body is not None:
                return body
            place = self._places[key]
        row = place >> _PLACE_BITS
        found = self._at_hand.get(row) or self._fetch(row)
        if found is None:
            return None
        spans, bodies = found
        number = place & ((1 << _PLACE_BITS) - 1)
        if number >= len(spans) or spans[number][0] != key:  # another process started over: the row is one of its own
            return None
        _, start, stop, compressed = spans[number]
        return zlib.decompress(bodies[start:stop]) if compressed else bodies[start:stop]

    def _fetch(self, row: int) -> _Row | None:
        """Read a row and keep it at hand: a run that resumes asks for neighbours one after another."""
        found = self._reader.execute("SELECT keys, bodies FROM answers WHERE row = ?", (row,)).fetchone()
        if found is None:  # another process started over, or the write failed
            return None
        keys, bodies = found
        spans: list[tuple[bytes, int, int, bool]] = []
        start = 0
        for key, length in _ENTRY.iter_unpack(keys):
            stop = start + (length & ~_COMPRESSED)
            spans.append((key, start, stop, length >= _COMPRESSED))
            start = stop
        self._at_hand[row] = spans, bodies
        if len(self._at_hand) > _ROWS_AT_HAND:
            self._at_hand.popitem(last=False)
        return spans, bodies

    def put(self, key: bytes, body: bytes) -> None:
        """Keep an answer; it is on disk within half a second.

        Args:
            key: Its key.
            body: The JSON the endpoint sent; not empty.

        Raises:
            ConfigError: An earlier answer could not be written.
        """
        if self._failure is not None:
            raise ConfigError(f"{self.path} cannot be written: {self._failure}")
        self._places[key] = _WAITING
        with self._lock:
            self._pending[key] = body

    def forget(self, keys: Iterable[bytes]) -> None:
        """Remove answers that turned out to be unusable.

        Args:
            keys: Their keys.

        Raises:
            ConfigError: The file cannot be written.
        """
        self.commit()
        known = [key for key in keys if self._places.pop(key, None) is not None]
        if known:
            with self._commit_lock:
                try:
                    self._insert([_ENTRY.pack(key, _FORGOTTEN) for key in known], [])
                except sqlite3.Error as error:
                    raise ConfigError(f"{self.path} cannot be written: {error}") from error

    def commit(self) -> None:
        """Write what is waiting."""
        with self._commit_lock:
            with self._lock:
                if not self._pending:
                    return
                self._writing, self._pending = self._pending, {}
            try:
                entries, bodies = [], []
                for key, body in self._writing.items():
                    long = len(body) > _SHORT
                    kept = zlib.compress(body, 1) if long else body
                    entries.append(_ENTRY.pack(key, len(kept) | (_COMPRESSED if long else 0)))
                    bodies.append(kept)
                first = self._insert(entries, bodies) << _PLACE_BITS
                self._places.update(zip(self._writing, itertools.count(first)))
            except (sqlite3.Error, MemoryError, OverflowError) as error:
                self._failure = error
                eval_logger.error("Answers cannot be written to %s: %s", self.path, error)
            finally:
                with self._lock:
                    self._writing = {}

    def _insert(self, entries: Sequence[bytes], bodies: Sequence[bytes]) -> int:
        """Write a row in a transaction of its own; return its number."""
        values = (b"".join(entries), b"".join(bodies))
        row = self._writer.execute("INSERT INTO answers (keys, bodies) VALUES (?, ?)", values).lastrowid
        assert row is not None
        return row

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._closing.set()
        self._thread.join()
        self.commit()
        self._reader.close()
        self._writer.close()

    def _commit_regularly(self) -> None:
        while not self._closing.wait(_COMMIT_EVERY):
            self.commit()
