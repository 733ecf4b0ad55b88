"""NoticIA: summaries of clickbait news in one sentence."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TypeVar

from lm_eval.tasks.shared.rouge import mean_rouge

__all__ = ["average_len", "average_len_agg", "rouge1", "rouge1_agg"]

T = TypeVar("T")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _cleaned(text: str) -> str:
    return " ".join(text.translate(_PUNCTUATION).split()).lower()


def rouge1(items: T) -> T:
    """Return the reference and the summary of a document for :func:`rouge1_agg`.

    Args:
        items: Both.
    """
    return items


def average_len(items: T) -> T:
    """Return the reference and the summary of a document for :func:`average_len_agg`.

    Args:
        items: Both.
    """
    return items


def rouge1_agg(items: Sequence[tuple[str, str]]) -> float:
    """Average ROUGE-1 over the documents, in lower case and without punctuation.

    Args:
        items: The reference and the summary of each document.

    Returns:
        A number from 0 to 1.
    """
    return mean_rouge("rouge1", [(_cleaned(reference), _cleaned(summary)) for reference, summary in items])


def average_len_agg(items: Sequence[tuple[str, str]]) -> float:
    """Average the number of words of the summaries.

    Args:
        items: The reference and the summary of each document.
    """
    return sum(len(_cleaned(summary).split()) for _, summary in items) / len(items)
