"""The samples of one file: where each line is, and what of it pairs and tests two runs."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lm_eval.errors import ConfigError
from lm_eval.results import Sample
from lm_eval.results.discovery import parse_sample, read_samples
from lm_eval.results.sample import with_numbers
from lm_eval.text import sha256

__all__ = ["Documents"]

_HASH_DIGITS = 16
"""Digits of a hash that are kept: two documents of a file have the same with a probability below 1e-9."""


@dataclass(frozen=True)
class Documents:
    """The samples of a file, without their texts.

    Attributes:
        file: The samples file.
        offsets: Where each line starts, in bytes, and the size of the file at the end; empty of a Parquet file.
        lines: One mapping per line, as in the file but without document, prompts and answers; the hashes are
            shortened, and that of the prompt covers the prompts and continuations of all requests.
    """

    file: Path
    offsets: list[int]
    lines: list[dict[str, object]]

    @classmethod
    def read(cls, file: Path) -> Documents:
        """Read a file.

        Args:
            file: JSON lines or Parquet.

        Returns:
            Its documents.

        Raises:
            ConfigError: The file cannot be read.
        """
        if file.suffix == ".parquet":
            return cls(file, [], [_short(sample) for sample in read_samples(file)])
        offsets, lines, place = [], [], 0
        try:
            with file.open("rb") as content:
                for number, line in enumerate(content, 1):
                    if line.strip():
                        offsets.append(place)
                        lines.append(_short(with_numbers(parse_sample(line, file, number))))
                    place += len(line)
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror or error}.") from error
        return cls(file, [*offsets, place], lines)

    def to_bytes(self) -> bytes:
        """Write the documents for the index."""
        return zlib.compress(json.dumps([self.offsets, self.lines], separators=(",", ":")).encode(), 3)

    @classmethod
    def from_bytes(cls, file: Path, content: bytes) -> Documents | None:
        """Read what ``to_bytes`` wrote.

        Args:
            file: The samples file.
            content: The bytes.

        Returns:
            The documents; None when the bytes are damaged.
        """
        try:
            offsets, lines = json.loads(zlib.decompress(content))
        except (zlib.error, ValueError):
            return None
        return cls(file, offsets, lines)

    def places(self, doc_id: str) -> list[int]:
        """Find the lines of a document.

        Args:
            doc_id: Its id as text.

        Returns:
            One position per filter; none when the file has no such document.
        """
        return [place for place, line in enumerate(self.lines) if str(line.get("doc_id")) == doc_id]

    @property
    def ids(self) -> list[str]:
        """The ids of the documents as texts, each once, in the file's order."""
        return list(dict.fromkeys(str(line.get("doc_id")) for line in self.lines))

    def samples(self, doc_id: str) -> list[Sample]:
        """Read the samples of a document.

        Args:
            doc_id: Its id as text.

        Returns:
            One sample per filter.

        Raises:
            ConfigError: The file cannot be read, or has changed.
        """
        places = self.places(doc_id)
        if not self.offsets:
            wanted = set(places)
            return [Sample(line) for place, line in enumerate(read_samples(self.file)) if place in wanted]
        found = []
        try:
            with self.file.open("rb") as content:
                for place in places:
                    content.seek(self.offsets[place])
                    found.append(Sample(with_numbers(parse_sample(content.readline(), self.file, place + 1))))
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be read: {error.strerror or error}.") from error
        return found


def _short(line: Mapping[str, object]) -> dict[str, object]:
    sample = Sample(line)
    short: dict[str, object] = {metric: sample.number(metric) for metric in sample.metrics}
    short |= {"doc_id": sample.doc_id, "filter": sample.filter, "metrics": sample.metrics}
    if sample.cluster is not None:
        short["cluster"] = sample.cluster
    if sample.is_lost:
        short["error"] = {}
    for name, value in (("doc_hash", sample.doc_hash), ("target_hash", sample.target_hash)):
        if value is not None:
            short[name] = value[:_HASH_DIGITS]
    if sample.prompt_hash is not None:
        asked = [
            [text for text in (each.prompt, each.continuation) if isinstance(text, str)] for each in sample.all_requests
        ]
        short["prompt_hash"] = sha256(json.dumps([sample.prompt_hash, asked]))[:_HASH_DIGITS]
    return short
