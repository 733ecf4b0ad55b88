"""MTS-Dialog: how similar a clinical note is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.similarity import NotComputed, similarity_of_long


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the note.

    Args:
        doc: A row with ``section_text``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text has fewer than 5 characters.
    """
    return similarity_of_long(results[0], doc["section_text"], 5)
