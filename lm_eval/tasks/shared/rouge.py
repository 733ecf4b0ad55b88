"""ROUGE over a whole task, as the mean over its documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rouge_score.rouge_scorer import RougeScorer

T = TypeVar("T")


def mean_rouge(kind: str, pairs: Sequence[tuple[str, str]]) -> float:
    """Average the F-measure of one kind of ROUGE.

    Args:
        kind: ``rouge1``, ``rouge2``, ``rougeL`` or ``rougeLsum``.
        pairs: Reference and prediction of each document.

    Returns:
        A number from 0 to 1.
    """
    scorer = RougeScorer([kind])
    scores = [float(scorer.score(reference, prediction)[kind].fmeasure) for reference, prediction in pairs]
    return sum(scores) / len(scores)


def rouge1(items: T) -> T:
    """Return the reference and the prediction of a document for :func:`rouge1_agg`.

    Args:
        items: Both.
    """
    return items


def rouge1_agg(items: Sequence[tuple[str, str]]) -> float:
    """Average ROUGE-1 over the documents.

    Args:
        items: Reference and prediction of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rouge1", items)
