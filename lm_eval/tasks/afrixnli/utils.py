"""The label words of AfriXNLI's prompts, and the prompt that is written in Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lm_eval.utils import weighted_f1_score

__all__ = ["doc_to_target", "doc_to_text", "true_false_inconclusive", "true_neither_false", "weighted_f1_score"]

Doc = Mapping[str, Any]

# All lines after the first are indented in the prompt, as its authors wrote it.
_MANUAL = """\
Please identify whether the premise entails or contradicts the hypothesis in the following premise
    and hypothesis. The answer should be exact entailment, contradiction, or neutral.

    Premise: {premise}
    Hypothesis: {hypothesis}

    Is it entailment, contradiction, or neutral?"""


def doc_to_text(doc: Doc) -> str:
    """Return the prompt of the ``manual`` tasks.

    Args:
        doc: A row with ``premise`` and ``hypothesis``.
    """
    return _MANUAL.format(premise=doc["premise"], hypothesis=doc["hypothesis"])


def doc_to_target(doc: Doc) -> str:
    """Return the label as the name of a relation.

    Args:
        doc: A row with ``label``: 0, 1 or 2.
    """
    return ("entailment", "neutral", "contradiction")[doc["label"]]


def true_neither_false(doc: Doc) -> str:
    """Return the label in the words of ANLI's prompt.

    Args:
        doc: A row with ``label``: 0, 1 or 2.
    """
    return ("True", "Neither", "False")[doc["label"]]


def true_false_inconclusive(doc: Doc) -> str:
    """Return the label in the words of the fifth prompt.

    Label 1 (neutral) is held for "false" and label 2 (contradiction) for "inconclusive". That is a slip, and it is kept
    so that scores are comparable with those of the reference harness.

    Args:
        doc: A row with ``label``: 0, 1 or 2.
    """
    return ("true", "false", "inconclusive")[doc["label"]]
