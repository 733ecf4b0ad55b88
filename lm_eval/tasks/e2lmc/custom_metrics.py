"""The score of MMLU for models that are early in their training."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["loglikelihood_diff"]


def loglikelihood_diff(items: Sequence[tuple[int, Sequence[float]]]) -> float:
    """Average how far the log-likelihood of the right choice is above the mean of the others.

    Args:
        items: The index of the right choice and the log-likelihoods of all choices, for each document.

    Returns:
        The mean over the documents; it may be negative.
    """
    scores = [values[gold] - _mean([*values[:gold], *values[gold + 1 :]]) for gold, values in items]
    return _mean(scores)


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))
