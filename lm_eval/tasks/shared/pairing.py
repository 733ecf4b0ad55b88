"""The best one-to-one pairing of the spans of two answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

__all__ = ["best_pairing"]


def best_pairing(scores: Sequence[Sequence[float]]) -> float:
    """Return the highest sum of scores of pairs, where each row and each column is in at most one pair.

    Args:
        scores: The score of each row with each column; no score is negative.

    Returns:
        The sum; its time doubles with each item of the shorter side.
    """
    columns = len(scores[0]) if scores else 0
    if columns > len(scores):  # the set of used columns is the state, so columns are the shorter side
        scores = list(zip(*scores, strict=True))
        columns = len(scores[0])

    @cache
    def best(row: int, used: int) -> float:
        if row == len(scores):
            return 0.0
        free = [column for column in range(columns) if not used >> column & 1]
        paired = (scores[row][column] + best(row + 1, used | 1 << column) for column in free)
        return max((best(row + 1, used), *paired))

    return best(0, 0)
