"""Correction of p-values for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm in the family is at most the level of one test.

    The smallest of m p-values is multiplied by m, the next by m - 1, and so on; an adjusted p-value is never smaller
    than the one before it. This holds whether or not the tests depend on each other (Holm, 1979, Scand. J. Statist. 6,
    65-70).

    Args:
        p_values: The p-values of one family of tests.

    Returns:
        The adjusted p-values in the same order, at most 1.
    """
    adjusted = [0.0] * len(p_values)
    floor = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        floor = max(floor, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted
