"""MeQSum: the message of a consumer, and how similar a summary is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.similarity import NotComputed, similarity


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return what follows the head of the message, if there is one.

    Args:
        doc: A row with ``CHQ``.
    """
    text: str = doc["CHQ"]
    head = text.find("MESSAGE")
    # The head ends with a colon and a space.
    return text if head == -1 else text[head + len("MESSAGE: ") :]


def process_results_gen(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the summary.

    Args:
        doc: A row with ``Summary``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text is empty.
    """
    return similarity(results[0], doc["Summary"])
