"""F1 over the words that two answers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["word_f1"]


def word_f1(prediction: Sequence[str], ground_truth: Sequence[str]) -> float:
    """Compare two lists of words.

    Args:
        prediction: The words of the answer.
        ground_truth: The words of an accepted answer.

    Returns:
        The harmonic mean of precision and recall; 0 if they share no word.
    """
    shared = sum((Counter(prediction) & Counter(ground_truth)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(prediction), shared / len(ground_truth)
    return 2 * precision * recall / (precision + recall)
