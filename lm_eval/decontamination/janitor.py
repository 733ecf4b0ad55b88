"""Cutting what overlaps with test documents out of training texts, by n-grams of words."""

from __future__ import annotations

import pickle
import re
import string
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

__all__ = ["Janitor", "form_ngrams", "split_indices", "word_ngrams", "word_ngrams_indices"]

JANITOR_CPP = False
"""Whether the C++ module of the reference harness is used; it gives the same."""

T = TypeVar("T")


def form_ngrams(sequence: Iterator[T], n: int) -> Iterator[tuple[T, ...]]:
    """Yield the runs of n items.

    Args:
        sequence: The items.
        n: The length of a run.
    """
    run = list(islice(sequence, n - 1))
    for item in sequence:
        run.append(item)
        yield tuple(run)
        del run[0]


def word_ngrams(s: str, n: int) -> Iterator[str]:
    """Yield the runs of n words, each joined by single spaces.

    Args:
        s: The text.
        n: The number of words.
    """
    return map(" ".join, form_ngrams(iter(s.split()), n))


def split_indices(s: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the words of a text with the places of their first and last characters.

    Args:
        s: The text.
    """
    return ((found[0], (found.start(), found.end() - 1)) for found in re.finditer(r"\S+", s))


def word_ngrams_indices(s: str, n: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the runs of n words with the places of their first and last characters.

    Args:
        s: The text.
        n: The number of words.
    """
    for run in form_ngrams(split_indices(s), n):
        yield " ".join(word for word, _ in run), (run[0][1][0], run[-1][1][1])


class Janitor:
    """Knows the n-grams of test documents, and cuts them, with the text around them, out of training texts."""

    def __init__(
        self,
        ngram_n: int = 13,
        window_to_remove: int = 200,
        too_dirty_cutoff: int = 10,
        minimum_slice_length: int = 200,
        delete_chars: str = string.punctuation,
    ) -> None:
        """Start without n-grams.

        Args:
            ngram_n: The number of words in an n-gram.
            window_to_remove: Number of characters that are cut on each side of an n-gram.
            too_dirty_cutoff: Number of n-grams from which on nothing of a text is kept.
            minimum_slice_length: Number of characters that a part must exceed to be kept.
            delete_chars: Characters that are ignored when n-grams are compared; so is the case of ASCII letters.
        """
        self.ngram_n = ngram_n
        self.window_to_remove = window_to_remove
        self.too_dirty_cutoff = too_dirty_cutoff
        self.minimum_slice_length = minimum_slice_length
        self.delete_chars = delete_chars
        self.dirt_ngrams: set[str] = set()
        self.translation_table = str.maketrans(string.ascii_uppercase, string.ascii_lowercase, delete_chars)

    def save_contamination_ngrams(self, filename: str | Path) -> None:
        """Write the n-grams to a file.

        Args:
            filename: The file.
        """
        Path(filename).write_bytes(pickle.dumps(self.dirt_ngrams))

    def load_contamination_ngrams(self, filename: str | Path) -> None:
        """Read the n-grams from a file, which must be one's own: reading a pickle can run code.

        Args:
            filename: The file.
        """
        self.dirt_ngrams = pickle.loads(Path(filename).read_bytes())

    def normalize_string(self, s: str) -> str:
        """Return a text in small letters, without the characters that are ignored.

        Args:
            s: The text.
        """
        return s.translate(self.translation_table)

    def register_contaminant(self, dirt_string: str) -> None:
        """Add the n-grams of a test document.

        Args:
            dirt_string: The document.
        """
        self.dirt_ngrams.update(word_ngrams(self.normalize_string(dirt_string), self.ngram_n))

    def clean(self, dirty_string: str) -> list[str]:
        """Return the parts of a training text that are left.

        Args:
            dirty_string: The text.
        """
        ngrams = word_ngrams_indices(dirty_string, self.ngram_n)
        known = ((ngram, *place) for ngram, place in ngrams if self.normalize_string(ngram) in self.dirt_ngrams)
        return self._split_chunks(dirty_string, known)

    register_contaminant_python = register_contaminant
    clean_python = clean

    def _split_chunks(self, dirty_string: str, dirty_parts: Iterable[tuple[object, int, int]]) -> list[str]:
        """Cut parts out of a text, each given as its n-gram and the places of its first and last characters."""
        parts: Sequence[tuple[object, int, int]] = list(islice(dirty_parts, self.too_dirty_cutoff + 1))
        if len(parts) > self.too_dirty_cutoff:
            return []
        kept: list[str] = []
        begin, end = 0, -1
        for _, first, last in parts:
            start = max(0, first - self.window_to_remove)
            end = min(len(dirty_string), last + self.window_to_remove)
            if start - begin > self.minimum_slice_length:
                kept.append(dirty_string[begin:start])
            begin = end
        if end < len(dirty_string) - self.minimum_slice_length:
            kept.append(dirty_string[end + 1 :])
        return kept
