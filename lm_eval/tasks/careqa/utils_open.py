"""CareQA with free answers: how similar an answer is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.neural import NotComputed
from lm_eval.tasks.shared.similarity import similarity


def process_results_gen(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the reference answer.

    Args:
        doc: A row with ``answer``.
        results: The one response.
    """
    return similarity(results[0], doc["answer"])


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question.

    Args:
        doc: A row with ``question``.
    """
    question: str = doc["question"]
    return question


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the reference answer.

    Args:
        doc: A row with ``answer``.
    """
    answer: str = doc["answer"]
    return answer
