"""Metrics of Hugging Face ``evaluate`` that are functions of scikit-learn.

``evaluate`` fetches the code of a metric from the Hub. The numbers of these are scikit-learn's, so with that package a
task scores without ``evaluate`` and without the Hub.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["of_scikit_learn"]


def of_scikit_learn(name: str) -> Callable[..., Any] | None:
    """Look up a metric of ``evaluate`` that scikit-learn computes.

    Args:
        name: Its name in ``evaluate``.

    Returns:
        A function like ``compute`` of ``evaluate``; None if the metric is another one, or scikit-learn is missing.
    """
    return _METRICS.get(name) if importlib.util.find_spec("sklearn") else None


def _accuracy(predictions: Sequence[Any], references: Sequence[Any], normalize: bool = True) -> dict[str, float]:
    score = importlib.import_module("sklearn.metrics").accuracy_score
    return {"accuracy": float(score(references, predictions, normalize=normalize))}


def _f1(
    predictions: Sequence[Any],
    references: Sequence[Any],
    labels: Sequence[Any] | None = None,
    pos_label: Any = 1,
    average: str | None = "binary",
) -> dict[str, Any]:
    score = importlib.import_module("sklearn.metrics").f1_score
    found = score(references, predictions, labels=labels, pos_label=pos_label, average=average)
    return {"f1": found if average is None else float(found)}


_METRICS: dict[str, Callable[..., Any]] = {"accuracy": _accuracy, "f1": _f1}
