"""NorSumm: an article's summary compared with those that people wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.neural import NotComputed, bertscore
from lm_eval.tasks.shared.overlap import similarity


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Score a summary against each reference.

    Args:
        doc: A row with ``summaries``.
        results: The one summary.

    Returns:
        The best value and the mean of BLEU and ROUGE-L, from 0 to 100, and of the F1 of BERTScore, from 0 to 1.
    """
    references: list[str] = doc["summaries"]
    found = [similarity(results[0], reference) for reference in references]
    scores: dict[str, float | NotComputed] = {}
    for name in ("bleu", "rougeL"):
        scores |= _best_and_mean(name, [one[name] for one in found])
    neural = bertscore(
        [results[0]] * len(references), references, model_type="bert-base-multilingual-cased", num_layers=9
    )
    if isinstance(neural, NotComputed):
        return {**scores, "bertscore_f1_max": neural, "bertscore_f1_avg": neural}
    return scores | _best_and_mean("bertscore_f1", neural["f1"])


def _best_and_mean(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}_max": max(values), f"{name}_avg": sum(values) / len(values)}
