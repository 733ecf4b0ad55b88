"""FrenchBench: SQuAD's comparison of answers with French articles, and WikiText's text."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.rouge import rouge1, rouge1_agg
from lm_eval.tasks.shared.wikihow import hellaswag_rows as process_docs
from lm_eval.tasks.shared.word_overlap import word_f1
from lm_eval.tasks.wikitext import utils as wikitext

__all__ = [
    "exact",
    "f1",
    "is_included",
    "process_docs",
    "process_results",
    "rouge1",
    "rouge1_agg",
    "wikitext_detokenizer",
]

_ARTICLES = re.compile(r"\b(un|une|des|le|la|les)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def exact(predictions: Sequence[str], references: Sequence[str]) -> int:
    """Return whether two answers have the same words, articles aside.

    Args:
        predictions: The one response.
        references: The one target.

    Returns:
        1 or 0.
    """
    return int(_words(references[0]) == _words(predictions[0]))


def f1(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Compare two answers by their words, articles aside.

    Args:
        predictions: The one response.
        references: The one target.

    Returns:
        The harmonic mean of precision and recall; 1 if both are empty.
    """
    wanted, got = _words(references[0]), _words(predictions[0])
    return word_f1(got, wanted) if wanted or got else 1.0


def is_included(items: Sequence[str]) -> bool:
    """Return whether the target stands in the response.

    Args:
        items: Target and response.
    """
    return items[0] in items[1]


def wikitext_detokenizer(doc: dict[str, Any]) -> str:
    """Write a paragraph as normal text, by the rules of the English WikiText.

    Args:
        doc: A row with the tokenized ``paragraph``.
    """
    return wikitext.detokenize({"page": doc["paragraph"]})


def process_results(doc: dict[str, Any], results: list[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of a paragraph, as stored.

    Args:
        doc: A row with the tokenized ``paragraph``.
        results: The one log-likelihood, in nats.
    """
    return wikitext.process_results({"page": doc["paragraph"]}, results)
