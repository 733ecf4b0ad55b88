"""The score of XL-Sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lm_eval.tasks.shared.rouge import mean_rouge

__all__ = ["rougeL", "rougeL_agg"]

T = TypeVar("T")


def rougeL(items: T) -> T:
    """Return the reference and the summary of a document for :func:`rougeL_agg`.

    Args:
        items: Both.
    """
    return items


def rougeL_agg(items: Sequence[tuple[str, str]]) -> float:
    """Average ROUGE-L over the documents.

    Args:
        items: The reference and the summary of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rougeL", items)
