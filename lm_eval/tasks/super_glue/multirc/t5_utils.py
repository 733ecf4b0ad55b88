"""The scores of MultiRC for T5; a metric returns the classes of one answer, its aggregation computes the score."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.tasks.super_glue.utils import binary_f1, multirc_labels


def f1(predictions: Sequence[str], references: Sequence[str]) -> tuple[int, int]:
    """Return the classes of an answer, 1 for a correct one.

    Args:
        predictions: The one response.
        references: ``<question number>_<True or False>``.

    Returns:
        The predicted class and the right one; a response that is neither True nor False counts as wrong.
    """
    _, predicted, gold = multirc_labels((predictions[0], references[0]))
    return int(predicted), int(gold)


def em(predictions: Sequence[str], references: Sequence[str]) -> tuple[str, int, int]:
    """Return the question and the classes of an answer.

    Args:
        predictions: The one response.
        references: ``<question number>_<True or False>``.

    Returns:
        The question's number, and what ``f1`` returns.
    """
    return (multirc_labels((predictions[0], references[0]))[0], *f1(predictions, references))


def agg_f1(items: Sequence[tuple[int, int]]) -> float:
    """Compute the F1 over all answers.

    Args:
        items: What ``f1`` returned.
    """
    return binary_f1([(bool(predicted), bool(gold)) for predicted, gold in items])


def agg_em(items: Sequence[tuple[str, int, int]]) -> float:
    """Compute the share of questions whose answers are all classified correctly.

    Args:
        items: What ``em`` returned.
    """
    right: dict[str, bool] = {}
    for question, predicted, gold in items:
        right[question] = right.get(question, True) and predicted == gold
    return sum(right.values()) / len(right)
