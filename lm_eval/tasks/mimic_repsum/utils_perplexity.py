"""MIMIC-III: the perplexity of the impression of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.mimic_repsum.sections import doc_to_target
from lm_eval.tasks.shared.perplexities import perplexities


def process_results(doc: dict[str, Any], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of the impression.

    Args:
        doc: A row with ``extractive_notes_summ``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return perplexities(results, doc_to_target(doc))
