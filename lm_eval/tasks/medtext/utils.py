"""MedText: how similar a diagnosis is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.similarity import NotComputed, similarity


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the reference.

    Args:
        doc: A row with ``Completion``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text is empty.
    """
    return similarity(results[0], doc["Completion"])
