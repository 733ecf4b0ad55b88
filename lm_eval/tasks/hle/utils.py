"""Humanity's Last Exam: the image of a question, the questions without one, and how well answers know their chances."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.api.verdicts import Judgement

__all__ = ["calibration_error", "confidence", "confident", "images", "without_images"]

_BIN = 100
_CONFIDENCE = re.compile(r"\bconfidence\b\W*(\d+(?:\.\d+)?)", re.IGNORECASE)


def images(doc: dict[str, Any]) -> list[str]:
    """Return the image of a question as a data URL; an empty list for a question without one.

    Args:
        doc: The document.
    """
    return [doc["image"]] if doc["image"] else []


def without_images(docs: Any) -> Any:
    """Keep the questions without an image.

    Args:
        docs: The dataset.
    """
    return docs.filter(lambda doc: not doc["image"])


def confidence(answer: str) -> float:
    """Return how likely an answer says that it is right, from 0 to 1; an answer that does not say it counts as certain.

    Args:
        answer: The answer, with the last number after ``Confidence`` in percent.
    """
    found = _CONFIDENCE.findall(answer)
    return min(float(found[-1]), 100.0) / 100 if found else 1.0


def confident(doc: dict[str, Any], judgement: Judgement) -> dict[str, list[float]]:
    """Return the confidence of the answer, and whether it is right.

    Args:
        doc: The document.
        judgement: The judgement on its answer.
    """
    return {"calibration_error": [confidence(judgement.answers[0]), judgement.score or 0.0]}


def calibration_error(items: Sequence[Sequence[float]]) -> float:
    """Return the root mean square of the difference between confidence and accuracy, over bins of 100 answers.

    Args:
        items: Confidence from 0 to 1, and 1 for a right answer or 0. The answers are sorted by confidence and divided
            into bins of 100, of which the last also has the rest. A bin counts by its number of answers.
    """
    ordered = sorted(items, key=lambda item: item[0])
    last = max(0, len(ordered) // _BIN - 1) * _BIN
    bins = [*(ordered[start : start + _BIN] for start in range(0, last, _BIN)), ordered[last:]]
    squares = [len(found) * _gap(found) ** 2 for found in bins]
    return math.sqrt(math.fsum(squares) / len(ordered))


def _gap(items: Sequence[Sequence[float]]) -> float:
    """Return the mean confidence minus the accuracy of some answers."""
    return math.fsum(stated - right for stated, right in items) / len(items)
