"""Evalita-LLM: the scores over all documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lm_eval.statistics.classification import macro_f1_score
from lm_eval.tasks.evalita_llm.utils import Labels

# Sentiment to whether it is positive and whether it is negative.
_POSITIVE = (1, 0, 0, 1)
_NEGATIVE = (0, 1, 0, 1)


def aggreg_ls(items: Sequence[tuple[float, int, int]]) -> float:
    """Compute the F1 of substituted words.

    Args:
        items: For each document the share of annotators' words, and whether model and annotators gave words.

    Returns:
        A number from 0 to 1.
    """
    total, answered, annotated = (sum(column) for column in zip(*items, strict=True))
    precision, recall = total / (answered or 1), total / (annotated or 1)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def aggreg_sa(items: Sequence[tuple[int, int]]) -> float:
    """Average the F1 of "positive", of "negative", and of the absence of each.

    Args:
        items: Gold and predicted sentiment of each document.

    Returns:
        A number from 0 to 1; an absence or presence that does not occur counts 0.
    """
    scores = []
    for flags in (_POSITIVE, _NEGATIVE):
        by_class = _f1_by_class([flags[gold] for gold, _ in items], [flags[guess] for _, guess in items])
        scores.append(sum(by_class) / 2)
    return sum(scores) / 2


def aggreg_ner(items: Sequence[Labels]) -> float:
    """Average the F1 of the labels of all entities, without the last label that occurs.

    Args:
        items: Predicted and gold labels of each document.

    Returns:
        A number from 0 to 1.
    """
    predicted, gold = _joined(items)
    by_class = _f1_by_class(gold, predicted)
    return sum(by_class[:-1]) / (len(by_class) - 1) if len(by_class) > 1 else by_class[0]


def aggreg_rel(items: Sequence[Labels]) -> float:
    """Average the F1 of "a relation" and "no relation".

    Args:
        items: Predicted and gold labels of each document.

    Returns:
        A number from 0 to 1.
    """
    predicted, gold = _joined(items)
    return macro_f1_score(zip(gold, predicted, strict=True))


def _joined(items: Sequence[Labels]) -> Labels:
    return [label for predicted, _ in items for label in predicted], [label for _, gold in items for label in gold]


def _f1_by_class(golds: Sequence[int], predicted: Sequence[int]) -> list[float]:
    """Return the F1 of each class that occurs, in the order of the classes."""
    sizes = Counter(golds) + Counter(predicted)
    hits = Counter(gold for gold, guess in zip(golds, predicted, strict=True) if gold == guess)
    return [2 * hits[label] / sizes[label] for label in sorted(sizes)]
