"""MEDIQA 2019: how similar an answer is to the best one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.similarity import NotComputed, similarity


def process_results_gen(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the first answer of the list.

    Args:
        doc: A row with ``QUESTION``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text is empty.
    """
    return similarity(results[0], doc["QUESTION"]["AnswerList"][0]["Answer"]["AnswerText"])
