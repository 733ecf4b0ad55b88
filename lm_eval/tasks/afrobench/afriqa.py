"""The score of AfriQA."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.tasks.shared import squad

__all__ = ["f1"]


def f1(items: Sequence[tuple[str, str]]) -> float:
    """Average SQuAD's F1 of words over the documents.

    Two answers without any word, such as "the" and "an", have no word in common and score 0.

    Args:
        items: The accepted answer and the prediction of each document.

    Returns:
        A number from 0 to 1.
    """
    scores = [squad.f1(answer, prediction) if squad.normalize(answer) else 0.0 for answer, prediction in items]
    return sum(scores) / len(scores)
