"""The files of a shard: the values of each document, as they were scored, and its samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.api.instance import RequestError
from lm_eval.errors import ConfigError
from lm_eval.judging import JudgedDocument
from lm_eval.launch.exact import dumps, loads
from lm_eval.results.atomic import complete_file
from lm_eval.results.per_doc import ScoredDoc

__all__ = ["DocValues", "parse_sample", "read_lines", "read_values", "write_lines"]


@dataclass(slots=True)
class DocValues:
    """A document of a shard, without its text.

    Attributes:
        place: Its place among the documents of the whole run.
        doc_id: Its index in the split.
        cluster: Its cluster; None for a task without clusters.
        error: Why it has no score; None when it has one.
        outcomes: How those of its responses ended that are not complete.
        hashes: Of the document, its prompt and its target.
        scored: Filter pipeline to its values.
        judged: What judges said of it, without texts; None for a task without judges.
    """

    place: int
    doc_id: int
    cluster: str | None = None
    error: RequestError | None = None
    outcomes: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    scored: dict[str, ScoredDoc] = field(default_factory=dict)
    judged: JudgedDocument | None = None

    def written(self) -> str:
        """Return the document as a line.

        Raises:
            NotExact: A value is of a type that a line cannot hold.
        """
        scored = {
            name: (found.values, found.repeats, found.failed, found.not_computed) for name, found in self.scored.items()
        }
        error = None if self.error is None else astuple(self.error)
        judged = None if self.judged is None else self.judged.record()
        return dumps([self.place, self.doc_id, self.cluster, error, self.outcomes, self.hashes, scored, judged])

    @classmethod
    def read(cls, line: bytes) -> DocValues:
        """Read a line.

        Args:
            line: What ``written`` returned.

        Raises:
            ValueError: It is something else.
        """
        place, doc_id, cluster, error, outcomes, hashes, scored, judged = loads(line)
        given: Mapping[str, tuple[Any, ...]] = scored
        return cls(
            place,
            doc_id,
            cluster,
            None if error is None else RequestError(*error),
            outcomes,
            hashes,
            {name: ScoredDoc(*found) for name, found in given.items()},
            None if judged is None else JudgedDocument.of_record(judged),
        )


def write_lines(path: Path, lines: Iterable[str]) -> str:
    """Write a file of lines, which appears when it is complete.

    Args:
        path: The file.
        lines: Its lines, without line ends.

    Returns:
        The SHA-256 of the file.

    Raises:
        SavingError: It cannot be written.
        NotExact: A line cannot be written; there is no file then.
    """
    digest = hashlib.sha256()
    with complete_file(path) as file:
        for line in lines:
            raw = line.encode("utf-8", "surrogatepass") + b"\n"
            digest.update(raw)
            file.write(raw)
    return digest.hexdigest()


def read_lines(path: Path, expected: str) -> Iterator[bytes]:
    """Read a file of lines, and check at its end that it is the one that was written.

    Args:
        path: The file.
        expected: Its SHA-256.

    Yields:
        Its lines, with line ends.

    Raises:
        ConfigError: It cannot be read, or is another one.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                yield line
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    if digest.hexdigest() != expected:
        raise ConfigError(f"{path} is damaged: it is not the file that the shard wrote. Run the shard again.")


def read_values(path: Path, expected: str) -> Iterator[DocValues]:
    """Read the values of a shard's documents.

    Args:
        path: The file.
        expected: Its SHA-256.

    Yields:
        The documents, in the order of the run.

    Raises:
        ConfigError: The file cannot be read or is damaged.
    """
    for line in read_lines(path, expected):
        try:
            yield DocValues.read(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ConfigError(f"{path} is damaged: {type(error).__name__}. Run the shard again.") from error


def parse_sample(line: bytes) -> dict[str, object]:
    """Parse a line of a samples file.

    Args:
        line: The line.

    Returns:
        The sample.

    Raises:
        ConfigError: It is no sample.
    """
    try:
        found: dict[str, object] = json.loads(line)
    except ValueError as error:
        start = line[:60].decode("utf-8", "replace")
        raise ConfigError(
            f"A samples file of a shard is damaged, at the line {start!r}. Run the shard again."
        ) from error
    return found
