"""CNN/DailyMail: a summary compared with the highlights of the article."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from rouge_score.rouge_scorer import RougeScorer

from lm_eval.tasks.shared.neural import NotComputed, bertscore

_ROUGE = ("rouge1", "rouge2", "rougeL")
_BERT = ("precision", "recall", "f1")


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Score a summary. White space does not count.

    Args:
        doc: A row with ``highlights``.
        results: The one summary.

    Returns:
        ROUGE with stemming and BERTScore, from 0 to 1, and ``summary_length`` in words.
    """
    summary, reference = " ".join(results[0].split()), " ".join(doc["highlights"].split())
    rouge = _scorer().score(reference, summary)
    neural = bertscore([summary], [reference], lang="en", model_type="distilbert-base-uncased")
    scores: dict[str, float | NotComputed] = {kind: float(rouge[kind].fmeasure) for kind in _ROUGE}
    for part in _BERT:
        scores[f"bertscore_{part}"] = neural if isinstance(neural, NotComputed) else neural[part][0]
    return {**scores, "summary_length": len(summary.split())}


@cache
def _scorer() -> Any:
    return RougeScorer(list(_ROUGE), use_stemmer=True)
