"""DarijaBench's summaries: ROUGE over all documents.

A function named as a metric returns the target and the response of a document; the aggregation has the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lm_eval.tasks.shared.rouge import mean_rouge, rouge1

__all__ = [
    "agg_rouge1",
    "agg_rouge2",
    "agg_rougel",
    "agg_rougelsum",
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
]

T = TypeVar("T")
Pairs = Sequence[tuple[str, str]]


def rouge2(items: T) -> T:
    """Return a document's target and response.

    Args:
        items: Both.
    """
    return items


def rougeL(items: T) -> T:
    """Return a document's target and response.

    Args:
        items: Both.
    """
    return items


def rougeLsum(items: T) -> T:
    """Return a document's target and response.

    Args:
        items: Both.
    """
    return items


def agg_rouge1(items: Pairs) -> float:
    """Average ROUGE-1 over the documents.

    Args:
        items: Target and response of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rouge1", items)


def agg_rouge2(items: Pairs) -> float:
    """Average ROUGE-2 over the documents.

    Args:
        items: Target and response of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rouge2", items)


def agg_rougel(items: Pairs) -> float:
    """Average ROUGE-L over the documents.

    Args:
        items: Target and response of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rougeL", items)


def agg_rougelsum(items: Pairs) -> float:
    """Average ROUGE-L over the documents, with a line for a sentence.

    Args:
        items: Target and response of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rougeLsum", items)
