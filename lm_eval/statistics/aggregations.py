"""Aggregations that turn the values of documents into one number: means, medians, perplexities, deviations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "acc_all",
    "aggregate_subtask_metrics",
    "bits_per_byte",
    "exp_or_inf",
    "mean",
    "median",
    "nanmean",
    "perplexity",
    "pop_stddev",
    "question_scores",
    "sample_stddev",
    "weighted_mean",
    "weighted_perplexity",
]


def exp_or_inf(value: float) -> float:
    """Return ``exp(value)``, or infinity where a float would overflow.

    Args:
        value: The exponent.
    """
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def mean(arr: Sequence[float]) -> float:
    """Return the arithmetic mean.

    Args:
        arr: The values, at least one.
    """
    return float(sum(arr) / len(arr))


def nanmean(arr: Sequence[float]) -> float:
    """Return the mean of the values that are not NaN.

    Args:
        arr: The values.

    Returns:
        The mean; NaN when no value is left.
    """
    kept = [value for value in arr if not math.isnan(value)]
    return mean(kept) if kept else math.nan


def median(arr: Sequence[Any]) -> Any:
    """Return the median; for an even number of values the upper of the two in the middle.

    Args:
        arr: The values, at least one.

    Returns:
        One of the values.
    """
    return sorted(arr)[len(arr) // 2]


def weighted_mean(items: Iterable[tuple[float, float]]) -> float:
    """Divide the sum of the values by the sum of the weights.

    Args:
        items: Pairs (value, weight); the value is not multiplied by the weight.

    Returns:
        ``sum(values) / sum(weights)``.
    """
    values, weights = zip(*items, strict=True)
    return float(sum(values) / sum(weights))


def aggregate_subtask_metrics(metrics: Sequence[float], sizes: Sequence[float], weight_by_size: bool = True) -> float:
    """Average the scores of the tasks of a group.

    Args:
        metrics: One score per task.
        sizes: Number of documents of each task.
        weight_by_size: Weight by the number of documents; otherwise each task counts the same.

    Returns:
        The mean.
    """
    weights = sizes if weight_by_size else [1.0] * len(sizes)
    return weighted_mean((score * weight, weight) for score, weight in zip(metrics, weights, strict=True))


def perplexity(items: Sequence[float]) -> float:
    """Return ``exp(-mean(log-likelihoods))``.

    Args:
        items: Log-likelihoods in nats.

    Returns:
        The perplexity; infinity where a float would overflow.
    """
    return exp_or_inf(-mean(items))


def weighted_perplexity(items: Iterable[tuple[float, float]]) -> float:
    """Return the perplexity per word or byte.

    Args:
        items: Pairs (log-likelihood in nats, number of words or bytes).

    Returns:
        ``exp(-sum(log-likelihoods) / sum(numbers))``.
    """
    return exp_or_inf(-weighted_mean(items))


def bits_per_byte(items: Iterable[tuple[float, float]]) -> float:
    """Return the number of bits that a model needs per byte.

    Args:
        items: Pairs (log-likelihood in nats, number of bytes).

    Returns:
        ``-sum(log-likelihoods) / sum(bytes) / ln 2``.
    """
    return -weighted_mean(items) / math.log(2)


def pop_stddev(arr: Sequence[float]) -> float:
    """Return the standard deviation with n in the denominator.

    Args:
        arr: The values, at least one.
    """
    centre = mean(arr)
    return math.sqrt(sum((value - centre) ** 2 for value in arr) / len(arr))


def sample_stddev(arr: Sequence[float]) -> float:
    """Return the standard deviation with n - 1 in the denominator.

    Args:
        arr: The values, at least two.
    """
    centre = mean(arr)
    return math.sqrt(sum((value - centre) ** 2 for value in arr) / (len(arr) - 1))


def question_scores(items: Iterable[tuple[object, Mapping[str, Any]]]) -> list[float]:
    """Return for each question 1.0 when all of its answers were judged right, else 0.0 (MultiRC).

    Args:
        items: Pairs (judgement, document) with ``doc["idx"]["paragraph"]``, ``doc["idx"]["question"]`` and
            ``doc["label"]``; one pair per answer.
    """
    right: dict[tuple[Any, Any], bool] = {}
    for predicted, doc in items:
        question = (doc["idx"]["paragraph"], doc["idx"]["question"])
        right[question] = right.get(question, True) and (doc["label"] == 1) == predicted
    return [float(all_right) for all_right in right.values()]


def acc_all(items: Iterable[tuple[object, Mapping[str, Any]]]) -> float:
    """Return the share of questions all of whose answers were judged right (MultiRC).

    Args:
        items: As in ``question_scores``.

    Returns:
        A number between 0 and 1.
    """
    return mean(question_scores(items))
