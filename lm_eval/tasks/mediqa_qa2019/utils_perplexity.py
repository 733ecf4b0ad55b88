"""MEDIQA 2019: the perplexity of the best answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.perplexities import perplexities


def process_results(doc: dict[str, Any], results: Sequence[float]) -> dict[str, float | tuple[float, int]]:
    """Return the log-likelihood and the length of the first answer of the list.

    Args:
        doc: A row with ``QUESTION``.
        results: The one log-likelihood, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes; for ``perplexity`` the log-likelihood.
    """
    answer = doc["QUESTION"]["AnswerList"][0]["Answer"]["AnswerText"]
    return {**perplexities(results, answer), "perplexity": results[0]}
