"""Scores that are a mean over documents, or a function of such a mean: they have closed-form intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.statistics.aggregations import exp_or_inf, question_scores
from lm_eval.statistics.intervals import Interval

__all__ = ["Linear", "linear"]


@dataclass(frozen=True, slots=True)
class Linear:
    """A score as a function of the mean of one number per document.

    Attributes:
        values: One number per document; of ``acc_all`` one per question.
        clusters: The cluster of each document, when there are clusters.
        score_of_mean: Turns the mean into the score; None when the mean is the score.
        trials: Whether values that are all 0 or 1 are trials that fail or succeed.
    """

    values: list[float]
    clusters: Sequence[Hashable] | None
    score_of_mean: Callable[[float], float] | None = None
    trials: bool = False

    def interval(self, of_mean: Interval | None) -> Interval | None:
        """Turn an interval of the mean into one of the score.

        Args:
            of_mean: The interval of the mean.

        Returns:
            The interval of the score, computed by the same method.
        """
        if of_mean is None or self.score_of_mean is None:
            return of_mean
        low, high = sorted((self.score_of_mean(of_mean.low), self.score_of_mean(of_mean.high)))
        return Interval(low, high, of_mean.method)


def linear(
    aggregation: Callable[..., object], values: Sequence[Any], clusters: Sequence[Hashable] | None
) -> Linear | None:
    """Write a score as a function of a mean over documents.

    Args:
        aggregation: The aggregation.
        values: The documents' values.
        clusters: The cluster of each document, when there are clusters.

    Returns:
        The score in that form; None when the aggregation is no such function.
    """
    from lm_eval.api import metrics

    if aggregation is metrics.mean:
        return Linear([float(value) for value in values], clusters, trials=True)
    if aggregation is metrics.acc_all and clusters is None:
        return Linear(question_scores(values), None, trials=True)
    if aggregation is metrics.perplexity:
        return Linear([float(value) for value in values], clusters, lambda mean: exp_or_inf(-mean))
    if aggregation is metrics.brier_score:
        return Linear([metrics.brier_score([value]) for value in values], clusters)
    if aggregation is metrics.nanmean:
        kept = [place for place, value in enumerate(values) if not math.isnan(value)]
        clusters_kept = None if clusters is None else [clusters[place] for place in kept]
        return Linear([float(values[place]) for place in kept], clusters_kept)
    if aggregation is metrics.weighted_perplexity:
        return Linear(_ratio_values(values), clusters, lambda mean: exp_or_inf(-mean))
    if aggregation is metrics.bits_per_byte:
        return Linear(_ratio_values(values), clusters, lambda mean: -mean / math.log(2))
    return None


def _ratio_values(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Return numbers whose mean is the ratio of two sums, and whose spread is that of the ratio to first order.

    They are ``r + (x_i - r w_i) / mean(w)`` (Taylor linearization; Cochran, 1977, chapter 6).
    """
    total = math.fsum(weight for _, weight in pairs)
    ratio, weight_mean = math.fsum(value for value, _ in pairs) / total, total / len(pairs)
    return [ratio + (value - ratio * weight) / weight_mean for value, weight in pairs]
