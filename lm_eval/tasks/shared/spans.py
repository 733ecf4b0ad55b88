"""MLQA's comparison of answers: exact match and word F1 after normalization by language."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.word_overlap import word_f1

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["answer_texts", "exact", "f1", "normalize", "process_results"]

# Other languages keep all their words.
_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"(?:^|\s)ال",
}
_CHINESE = re.compile(r"([\u4e00-\u9fa5])")


def normalize(text: str, language: str) -> str:
    """Return a text in lower case, without punctuation, articles and superfluous white space.

    Args:
        text: An answer.
        language: The ISO 639-1 code. In Chinese (``zh``) each character is a word.
    """
    kept = "".join(sign for sign in text.lower() if not _is_punctuation(sign))
    if language in _ARTICLES:
        kept = re.sub(_ARTICLES[language], " ", kept)
    if language == "zh":
        kept = _CHINESE.sub(r" \1 ", kept)
    return " ".join(kept.split())


def _is_punctuation(sign: str) -> bool:
    return sign in string.punctuation or unicodedata.category(sign).startswith("P")


def exact(answer: str, prediction: str, language: str) -> bool:
    """Return whether two answers are equal after normalization.

    Args:
        answer: The accepted answer.
        prediction: The model's.
        language: As for :func:`normalize`.
    """
    return normalize(answer, language) == normalize(prediction, language)


def f1(answer: str, prediction: str, language: str) -> float:
    """Compare two answers by their words.

    Args:
        answer: The accepted answer.
        prediction: The model's.
        language: As for :func:`normalize`.

    Returns:
        The harmonic mean of precision and recall; 0 if both are empty.
    """
    return word_f1(normalize(prediction, language).split(), normalize(answer, language).split())


def process_results(doc: dict[str, Any], results: Sequence[str], language: str) -> dict[str, float]:
    """Score a response against the accepted answer that gives the best score.

    Args:
        doc: A row of :func:`answer_texts`.
        results: The one response.
        language: As for :func:`normalize`.

    Returns:
        ``exact_match`` and ``f1``.
    """
    prediction, answers = results[0].strip(), doc["answers"]
    return {
        "exact_match": max(exact(answer, prediction, language) for answer in answers),
        "f1": max(f1(answer, prediction, language) for answer in answers),
    }


def answer_texts(dataset: Dataset) -> Dataset:
    """Keep of the answers only their texts.

    Args:
        dataset: Rows whose ``answers`` has ``text``.
    """
    return dataset.map(lambda doc: {**doc, "answers": doc["answers"]["text"]})
