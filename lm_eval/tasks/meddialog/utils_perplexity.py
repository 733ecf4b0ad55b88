"""MedDialog: the perplexity of the references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.perplexities import perplexities


def process_results_qsumm(doc: dict[str, Any], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of the summary of the question.

    Args:
        doc: A row with ``tgt``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return perplexities(results, doc["tgt"])


def process_results_raw(doc: dict[str, Any], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of the doctor's answer.

    Args:
        doc: A row with ``utterances``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return perplexities(results, doc["utterances"]["utterance"][1])
