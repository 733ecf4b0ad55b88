"""The English words of RULER's keys and word lists, from the package wonderwords."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import accumulate
from typing import overload

import wonderwords

__all__ = ["PairSequence", "pairs", "single_words"]


def _category(name: str) -> list[str]:
    words: list[str] = wonderwords.RandomWord()._categories[name]
    return words


@cache
def pairs() -> PairSequence:
    """Return every "adjective-noun", sorted."""
    return PairSequence(_category("adjectives"), _category("nouns"))


@cache
def single_words() -> tuple[str, ...]:
    """Return every noun, adjective and verb, sorted."""
    return tuple(sorted({word for name in ("noun", "adjective", "verb") for word in _category(name)}))


class PairSequence(Sequence[str]):
    """The sorted distinct texts "first-second" of two lists, without storing all six million of them."""

    def __init__(self, firsts: Iterable[str], seconds: Iterable[str]) -> None:
        """Sort the words.

        Args:
            firsts: The words before the hyphen.
            seconds: The words after it.
        """
        self._seconds = sorted(set(seconds))
        # Pairs are ordered by their first words with the hyphen. Where one of these starts with another, such as
        # "well-" and "well-known-", the pairs of both are mixed, and are written out.
        groups: list[list[str]] = []
        for start in sorted(f"{word}-" for word in set(firsts)):
            if groups and start.startswith(groups[-1][0]):
                groups[-1].append(start)
            else:
                groups.append([start])
        self._groups: list[str | list[str]] = [
            group[0] if len(group) == 1 else sorted({f"{start}{word}" for start in group for word in self._seconds})
            for group in groups
        ]
        self._ends = list(
            accumulate(len(self._seconds) if isinstance(group, str) else len(group) for group in self._groups)
        )

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, place)
        group = self._groups[number]
        within = place - (self._ends[number - 1] if number else 0)
        return f"{group}{self._seconds[within]}" if isinstance(group, str) else group[within]
