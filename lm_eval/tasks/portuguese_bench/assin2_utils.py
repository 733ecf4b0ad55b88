"""ASSIN 2: similarity scores read from text, and their correlation with people's."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from math import nan
from typing import Any

from lm_eval.statistics.classification import macro_f1_score as macro_f1

__all__ = ["macro_f1", "pearson_corr", "process_results_sts"]

_SCORE = re.compile(r"\b([1-5](?:[.,]\d+)?)\b")
# The middle of the scale, for a response without a number.
_NEUTRAL = 3.0


def process_results_sts(doc: dict[str, Any], results: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Read a similarity from 1 to 5; a response without one counts as 3.

    Args:
        doc: A row with ``relatedness_score``.
        results: The one response.

    Returns:
        Under ``pearsonr``: the predicted and the annotated similarity.
    """
    found = _SCORE.search(results[0].strip())
    score = min(5.0, float(found[1].replace(",", "."))) if found else _NEUTRAL
    return {"pearsonr": (score, float(doc["relatedness_score"]))}


def pearson_corr(items: Sequence[tuple[float, float]]) -> float:
    """Compute Pearson's correlation.

    Args:
        items: Predicted and annotated similarity of each document.

    Returns:
        The coefficient; 0 if all predictions are the same, nan if all annotations are.
    """
    predicted, annotated = zip(*items, strict=True)
    if len(set(predicted)) < 2:
        return 0.0
    return statistics.correlation(predicted, annotated) if len(set(annotated)) > 1 else nan
