"""CareQA with free answers: the perplexity of the reference answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.perplexities import perplexities


def process_results(doc: dict[str, Any], results: Sequence[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of the reference answer.

    Args:
        doc: A row with ``answer``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return perplexities(results, doc["answer"])
