"""Scores of RULER: the share of the expected texts that an answer contains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lm_eval.api.not_computed import NotComputed

__all__ = [
    "DEFAULT_SEQ_LENGTHS",
    "aggregate_metrics",
    "process_results",
    "process_results_part",
    "string_match_all",
    "string_match_part",
]

DEFAULT_SEQ_LENGTHS = [4096]

_OTHER_LENGTH = -1.0
"""The value of a document under the lengths that are not its own; the mean leaves it out."""


def _clean(answer: str) -> str:
    """Turn control characters into line ends."""
    return re.sub(r"[\x00-\x1f]", "\n", answer.strip()).strip()


def _share(answer: str, expected: Sequence[str]) -> float:
    found = answer.lower()
    return sum(text.lower() in found for text in expected) / len(expected)


def string_match_all(preds: Sequence[str], refs: Sequence[Sequence[str]]) -> float:
    """Compute the mean share of the expected texts that answers contain.

    Args:
        preds: The answers.
        refs: The expected texts of each answer.
    """
    return sum(_share(answer, expected) for answer, expected in zip(preds, refs, strict=False)) / len(preds)


def string_match_part(preds: Sequence[str], refs: Sequence[Sequence[str]]) -> float:
    """Compute the largest share of the expected texts that an answer contains, over the number of answers.

    Args:
        preds: The answers.
        refs: The expected texts of each answer.
    """
    return max(_share(answer, expected) for answer, expected in zip(preds, refs, strict=False)) / len(preds)


def _by_length(doc: dict[str, Any], score: float) -> dict[str, float]:
    return {**{str(length): _OTHER_LENGTH for length in DEFAULT_SEQ_LENGTHS}, str(doc["max_length"]): score}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Score an answer: the share of the expected texts that it contains, under the document's length.

    Args:
        doc: The document.
        results: The answer.
    """
    return _by_length(doc, string_match_all([_clean(answer) for answer in results], [doc["outputs"]]))


def process_results_part(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Score an answer to a question with several right answers, under the document's length.

    Args:
        doc: The document.
        results: The answer.
    """
    return _by_length(doc, string_match_part([_clean(answer) for answer in results], [doc["outputs"]]))


def aggregate_metrics(metrics: Sequence[float]) -> float | NotComputed:
    """Average over the documents of a length.

    Args:
        metrics: One value for each document; -1 for documents of other lengths.

    Returns:
        The mean; that there is none, for a length without documents.
    """
    values = [value for value in metrics if value != _OTHER_LENGTH]
    if not values:
        return NotComputed("max_seq_lengths has no such length")
    return sum(values) / len(values)
