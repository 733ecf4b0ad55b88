"""XQuAD: the scores of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.squad import exact, f1


def process_results_qa(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare the response with the first accepted answer, as SQuAD does.

    Args:
        doc: A row whose ``answers`` has a list ``text``.
        results: The one response.

    Returns:
        ``f1`` and ``exact_match``.
    """
    answer = doc["answers"]["text"][0]
    return {"f1": f1(answer, results[0]), "exact_match": exact(answer, results[0])}
