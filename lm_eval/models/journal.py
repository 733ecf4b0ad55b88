"""Answers on disk: nothing that was answered is asked, or paid for, twice.

One SQLite file, one table from a key to the JSON text the endpoint sent. A thread commits what has come in several
times a second, so at most that much is at risk when the process is killed; SQLite's write-ahead log with full
synchronisation keeps what is committed through a power cut and lets two processes use one file. Errors are not stored.

Short answers are committed by a single statement over one JSON document: a statement a row would have the thread wait
for the interpreter's lock after each of them, behind the event loop. Long ones, such as echoed prompts, are compressed;
they are fewer, and zlib lets go of that lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

from lm_eval.errors import ConfigError

__all__ = ["Journal", "answer_key"]

eval_logger = logging.getLogger("lm_eval")

_COMMIT_EVERY = 0.25
_BUSY_SECONDS = 60.0
_SHORT = 8192
_FORMAT = 1
_KEY_BYTES = 16


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
        self._pending: dict[bytes, str] = {}
        self._writing: dict[bytes, str] = {}
        self._lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._connections: list[sqlite3.Connection] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._connect(), self._connect()
            self._writer.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, body TEXT NOT NULL)")
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _FORMAT):
                raise ConfigError(f"{path} was written by another version; use another file.")
            if version == 0:
                self._writer.execute(f"PRAGMA user_version = {_FORMAT}")
            if fresh:
                self._writer.execute("DELETE FROM answers")
            # A look into this set spares a query for each answer that is not there yet.
            self._known = {bytes.fromhex(row[0]) for row in self._reader.execute("SELECT key FROM answers")}
        except Exception as error:
            for connection in self._connections:
                connection.close()
            if isinstance(error, (sqlite3.Error, OSError, ValueError)):
                raise ConfigError(f"{path} cannot be used as a file of answers: {error}") from error
            raise
        self.resumed = len(self._known)
        self._thread = threading.Thread(target=self._commit_regularly, name="lm-eval-journal", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connections.append(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def get(self, key: bytes) -> str | None:
        """Look an answer up.

        Args:
            key: Its key.

        Returns:
            The JSON text the endpoint sent, or None.
        """
        if key not in self._known:
            return None
        if self._pending or self._writing:
            with self._lock:
                body = self._pending.get(key) or self._writing.get(key)
            if body is not None:
                return body
        row = self._reader.execute("SELECT body FROM answers WHERE key = ?", (key.hex(),)).fetchone()
        if row is None:
            return None
        return zlib.decompress(row[0]).decode() if isinstance(row[0], bytes) else str(row[0])

    def put(self, key: bytes, body: str) -> None:
        """Keep an answer; it is on disk within half a second.

        Args:
            key: Its key.
            body: The JSON text the endpoint sent.

        Raises:
            ConfigError: An earlier answer could not be written.
        """
        if self._failure is not None:
            raise ConfigError(f"{self.path} cannot be written: {self._failure}")
        self._known.add(key)
        with self._lock:
            self._pending[key] = body

    def forget(self, keys: Iterable[bytes]) -> None:
        """Remove answers that turned out to be unusable.

        Args:
            keys: Their keys.
        """
        self.commit()
        for key in keys:
            self._known.discard(key)
            with self._commit_lock:
                self._writer.execute("DELETE FROM answers WHERE key = ?", (key.hex(),))

    def commit(self) -> None:
        """Write what is waiting."""
        with self._commit_lock:
            with self._lock:
                if not self._pending:
                    return
                self._writing, self._pending = self._pending, {}
            try:
                short = {key.hex(): body for key, body in self._writing.items() if len(body) <= _SHORT}
                long = [
                    (key.hex(), zlib.compress(body.encode(), 1))
                    for key, body in self._writing.items()
                    if len(body) > _SHORT
                ]
                self._writer.execute("BEGIN IMMEDIATE")
                self._writer.execute(
                    "INSERT OR REPLACE INTO answers SELECT key, value FROM json_each(?)", (json.dumps(short),)
                )
                self._writer.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", long)
                self._writer.execute("COMMIT")
            except (sqlite3.Error, MemoryError, OverflowError) as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                self._failure = error
                eval_logger.error("Answers cannot be written to %s: %s", self.path, error)
            finally:
                with self._lock:
                    self._writing = {}

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
