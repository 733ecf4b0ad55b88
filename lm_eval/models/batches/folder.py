"""The folder of a run's batches: files of requests, the files that answer them, and a note beside each.

``requests-0001.jsonl`` is written once, and complete when it has this name. ``replies-0001.jsonl`` and
``errors-0001.jsonl`` answer it. ``batch-0001.json`` notes what a Batch API knows it by. All that a later process needs
is in these files.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from lm_eval.config.redact import Redactor
from lm_eval.errors import ConfigError, SavingError
from lm_eval.models.batches.lines import Outcome, read_keys, read_outcome, read_path, write_line
from lm_eval.models.http.file_lock import lock, unlock

__all__ = ["NO_ROOM", "BatchFile", "BatchFolder", "Note", "under_way"]

eval_logger = logging.getLogger("lm_eval")

_NAME = re.compile(r"requests-([0-9]{4,})\.jsonl")
_OWNER, _LOCK = "batches.json", "batches.lock"
NO_ROOM = "token_limit_exceeded"
"""The code of a batch that failed because the queue of the model is full."""


@dataclass(slots=True)
class Note:
    """What a Batch API knows a file by.

    Attributes:
        token: A name that no other batch has, sent with the file and the batch.
        file_id: The id of the uploaded file.
        submitting: Whether the batch may have been created, although its id is not known.
        batch_id: The id of the batch.
        status: The last status of the batch.
        code: The code of the error of a batch that failed.
        words: What the server says about it.
        output_file_id: The id of the file of replies.
        error_file_id: The id of the file of errors.
        ended: Whether the batch has ended, and its files are here.
    """

    token: str = ""
    file_id: str = ""
    submitting: bool = False
    batch_id: str = ""
    status: str = ""
    code: str = ""
    words: str = ""
    output_file_id: str = ""
    error_file_id: str = ""
    ended: bool = False


@dataclass(slots=True)
class BatchFile:
    """One file of requests.

    Attributes:
        number: Its number, from 1.
        path: The path of the API that its requests are for.
        requests: The file of requests.
        keys: The keys of its requests.
        size: Its size in bytes.
        generated: The most tokens that its requests generate; 0 in a file of an earlier process.
        note: What a Batch API knows it by.
    """

    number: int
    path: str
    requests: Path
    keys: set[bytes] = field(default_factory=set)
    size: int = 0
    generated: int = 0
    note: Note = field(default_factory=Note)

    @property
    def replies(self) -> Path:
        """The file of replies."""
        return self.requests.with_name(f"replies-{self.number:04}.jsonl")

    @property
    def errors(self) -> Path:
        """The file of errors."""
        return self.requests.with_name(f"errors-{self.number:04}.jsonl")

    @property
    def note_file(self) -> Path:
        """The file of the note."""
        return self.requests.with_name(f"batch-{self.number:04}.json")

    @property
    def is_answered(self) -> bool:
        """Whether all that will come of replies and errors is there."""
        return self.note.ended or (not self.note.token and self.replies.is_file())

    def save_note(self) -> None:
        """Write the note; it is on disk when this returns."""
        write_durably(self.note_file, json.dumps(asdict(self.note), indent=2).encode())

    def outcomes(self, endpoint: str, redact: Redactor) -> Iterator[Outcome | None]:
        """Read what is there of replies and errors, replies first.

        Args:
            endpoint: The URL of the server, for errors; empty for the name of the file.
            redact: Removes secrets from error texts.

        Yields:
            An outcome per line; None for a line that cannot be used.
        """
        for file in (self.replies, self.errors):
            if file.is_file():
                with file.open("rb") as lines:
                    for line in lines:
                        if line.strip():
                            yield read_outcome(line, endpoint or file.name, redact)

    def set_aside(self) -> None:
        """Take the file out of the run: delete it, or rename it where somebody else has written the replies."""
        if self.note.token:
            self.remove()
            return
        for file in (self.requests, self.replies, self.errors):
            if file.exists():
                file.replace(file.with_name(f"{file.name}.refused"))

    def remove(self) -> None:
        """Delete the requests and all that belongs to them."""
        for file in (self.requests, self.replies, self.errors, self.note_file):
            file.unlink(missing_ok=True)
            file.with_name(f"{file.name}.part").unlink(missing_ok=True)


class BatchFolder:
    """Writes files of requests, and finds those of an earlier process.

    Attributes:
        path: The folder.
        files: The complete files, in the order of their numbers.
    """

    def __init__(
        self, path: Path, owner: str, *, max_lines: int, max_bytes: int, fresh: bool = False, kept: bool = False
    ) -> None:
        """Open the folder, and read what an earlier process has left.

        Args:
            path: The folder; created when it does not exist.
            owner: Whose requests these are. A folder with files of another owner is refused.
            max_lines: Maximum number of requests in one file.
            max_bytes: Maximum size of one file.
            fresh: Delete the files of an earlier process.
            kept: Whether the folder is the user's, in which nothing is deleted.

        Raises:
            ConfigError: The folder belongs to another run, or its files cannot be read.
            SavingError: The folder cannot be written.
        """
        self.path = path
        self._owner, self._max_lines, self._max_bytes, self._kept = owner, max_lines, max_bytes, kept
        self._open: dict[str, tuple[BatchFile, BinaryIO]] = {}
        self._last = 0
        self._lock: BinaryIO | None = None
        self.files: list[BatchFile] = []
        try:
            self._lock = lock(path / _LOCK)
            if self._lock is None:  # It would submit the requests again.
                raise ConfigError(f"Another process waits for the batches in {path}; wait until it ends.")
            for part in path.glob("requests-*.jsonl.part"):
                part.unlink()
            if fresh:
                for file in self._found():
                    if file.note.batch_id and not file.note.ended:
                        eval_logger.warning(
                            "Batch %s of an earlier process is left out; it runs on.", file.note.batch_id
                        )
                    file.remove()
                (path / _OWNER).unlink(missing_ok=True)
            self._check_owner()
            self.files = list(self._found())
        except OSError as error:
            self.close()
            raise SavingError(f"{path} cannot be used for batches: {error.strerror or error}.") from error
        except ConfigError:
            self.close()
            raise

    def _check_owner(self) -> None:
        file = self.path / _OWNER
        if not file.exists():
            write_durably(file, json.dumps({"owner": self._owner}).encode())
            return
        try:
            owner = json.loads(file.read_bytes()).get("owner")
        except (ValueError, AttributeError):
            owner = None
        if owner != self._owner:
            advice = "the same command with --fresh leaves them out, and asks anew"
            raise ConfigError(
                f"The batches in {self.path} are of another model or server, or of the same one as it was before; "
                f"{'name another folder' if self._kept else advice}."
            )

    def _found(self) -> Iterator[BatchFile]:
        for requests in sorted(self.path.glob("requests-*.jsonl")):
            if match := _NAME.fullmatch(requests.name):
                self._last = max(self._last, int(match[1]))
                file = BatchFile(int(match[1]), read_path(requests), requests, size=requests.stat().st_size)
                file.keys = set(read_keys(requests))
                file.note = _read_note(file.note_file)
                yield file

    def write(self, key: bytes, path: str, body: bytes) -> tuple[BatchFile, BatchFile | None]:
        """Write a request to the open file for its API.

        Args:
            key: The key of the request.
            path: The path of its API.
            body: The bytes of its payload.

        Returns:
            The file of the request, and a file that was full, and is complete now.

        Raises:
            ConfigError: The request alone is larger than a file may be.
            SavingError: The file cannot be written.
        """
        line = write_line(key, path, body)
        if len(line) > self._max_bytes:
            raise ConfigError(f"A request has {len(line):,} bytes, more than a file of a batch may have (--batch_mb).")
        full = None
        if path in self._open:
            file, _ = self._open[path]
            if len(file.keys) >= self._max_lines or file.size + len(line) > self._max_bytes:
                full = self._complete(path)
        try:
            if path not in self._open:
                self._last += 1
                file = BatchFile(self._last, path, self.path / f"requests-{self._last:04}.jsonl")
                self._open[path] = file, _part_of(file).open("wb")
            file, stream = self._open[path]
            stream.write(line)
        except OSError as error:
            raise SavingError(f"{self.path} cannot be written: {error.strerror or error}.") from error
        file.keys.add(key)
        file.size += len(line)
        return file, full

    def complete(self) -> list[BatchFile]:
        """Complete the files that are open.

        Returns:
            These files.
        """
        return [self._complete(path) for path in list(self._open)]

    def _complete(self, path: str) -> BatchFile:
        file, stream = self._open.pop(path)
        try:
            with stream:
                stream.flush()
                os.fsync(stream.fileno())
            _part_of(file).replace(file.requests)
        except OSError as error:
            raise SavingError(f"{self.path} cannot be written: {error.strerror or error}.") from error
        self.files.append(file)
        return file

    def close(self) -> None:
        """Leave out the files that are open; a later process writes their requests again."""
        for file, stream in self._open.values():
            stream.close()
            _part_of(file).unlink(missing_ok=True)
        self._open.clear()
        if self._lock is not None:
            unlock(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Delete all files, and the folder if nothing else is in it."""
        self.close()
        for file in self.files:
            file.remove()
        self.files.clear()
        for name in (_OWNER, _LOCK):
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.path, self.path.parent):
            try:
                folder.rmdir()
            except OSError:
                return


def under_way(folders: Path) -> list[str]:
    """Find the batches that an earlier process has submitted, and that nobody has collected.

    Args:
        folders: The folder of the folders of a run's batches.

    Returns:
        Their ids.
    """
    found = []
    for path in sorted(folders.glob("*/batch-*.json")):
        with contextlib.suppress(ConfigError):  # A run that asks without batches does not need a damaged note.
            note = _read_note(path)
            found += [note.batch_id] if note.batch_id and not note.ended else []
    return found


def write_durably(path: Path, content: bytes) -> None:
    """Write a small file that is complete or absent, also after a power cut.

    Args:
        path: The file.
        content: Its bytes.
    """
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _part_of(file: BatchFile) -> Path:
    return file.requests.with_name(f"{file.requests.name}.part")


def _read_note(path: Path) -> Note:
    if not path.exists():
        return Note()
    try:
        return Note(**json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        raise ConfigError(
            f"{path} is damaged. It notes which batch has the requests beside it: restore it, or remove it to submit "
            "them again."
        ) from None
