"""The values of each document of a shard, as they were scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.api.instance import RequestError
from lm_eval.judging import JudgedDocument
from lm_eval.launch.exact import dumps, loads
from lm_eval.launch.lines import damaged, read_lines
from lm_eval.results.per_doc import ScoredDoc

__all__ = ["DocValues", "read_values"]


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


def read_values(path: Path, expected: str) -> Iterator[DocValues]:
    """Read the values of a shard's documents.

    Args:
        path: The file.
        expected: Its SHA-256.

    Yields:
        The documents, in the order of the run.

    Raises:
        ShardDamaged: The file is missing or damaged.
        ConfigError: The file cannot be read.
    """
    for line in read_lines(path, expected):
        try:
            yield DocValues.read(line)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise damaged(path) from error
