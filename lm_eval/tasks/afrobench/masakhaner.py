"""The score of MasakhaNER: F1 of named entities."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

__all__ = ["span_f1_agg"]

# Python's punctuation without the backslash, and a bullet.
_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation.replace(chr(92), ''))}•]+")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_GAPS = re.compile(r"\s{3,}|\t")
# Keeps a division by zero away.
_EPSILON = 1e-13


def span_f1_agg(items: Sequence[tuple[str, str | list[str]]]) -> float:
    """Compute the F1 of labelled entities, counted over all documents.

    Args:
        items: The accepted entities and the predicted ones of each document, such as ``per: ada $$ loc: london``. A
            list of responses is joined.

    Returns:
        A number from 0 to 1.
    """
    hits = predicted = accepted = 0
    for target, prediction in items:
        wanted, got = _spans(target), _spans(prediction)
        hits += sum((wanted & got).values())
        accepted += sum(wanted.values())
        predicted += sum(got.values())
    precision = hits / (predicted + _EPSILON)
    recall = hits / (accepted + _EPSILON)
    return 2.0 * precision * recall / (precision + recall + _EPSILON)


def _spans(text: str | list[str]) -> Counter[tuple[str, str]]:
    """Return the pairs of label and entity in a text; what has no label, or two, is left out."""
    if isinstance(text, list):
        text = " ".join(part.strip() for part in text)
    parts = [part.strip() for part in text.split("$") if part]
    pairs = [item.split(": ") for part in parts for sentence in part.split(". ") for item in sentence.split(", ")]
    return Counter((_normalized(pair[0].strip()), _normalized(pair[1].strip())) for pair in pairs if len(pair) == 2)


def _normalized(text: str) -> str:
    without = _ARTICLES.sub(" ", _PUNCTUATION.sub(" ", text))
    return re.sub(r"\s+", " ", _GAPS.sub("", without)).lower()
