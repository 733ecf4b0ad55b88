"""MedDialog: how similar a summary or an answer is to the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.similarity import NotComputed, similarity


def process_results_gen_qsumm(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the summary of the question.

    Args:
        doc: A row with ``tgt``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text is empty.
    """
    return similarity(results[0], doc["tgt"])


def process_results_gen_raw(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the doctor's answer.

    Args:
        doc: A row with ``utterances``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT and BERTScore; nan where a text is empty.
    """
    return similarity(results[0], doc["utterances"]["utterance"][1])
