"""Scores that are a mean over docs, or a function of one: what their closed-form intervals rest on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.statistics.intervals import Interval

__all__ = ["Linear", "linear"]


@dataclass(frozen=True, slots=True)
class Linear:
    """A score that is a function of the mean of one number a doc.

    Attributes:
        values: The numbers, one a doc; of ``acc_all`` one a question.
        clusters: The cluster of each, when there are clusters.
        back: From the mean to the score; None when the mean is the score.
        trials: Whether values that are all 0 or 1 are trials.
    """

    values: list[float]
    clusters: Sequence[Any] | None
    back: Callable[[float], float] | None = None
    trials: bool = False

    def interval(self, ends: Interval | None) -> Interval | None:
        """Carry the interval of the mean over to the score.

        Args:
            ends: The interval of the mean.

        Returns:
            The interval of the score, made by the same method.
        """
        if ends is None or self.back is None:
            return ends
        low, high = sorted((self.back(ends.low), self.back(ends.high)))
        return Interval(low, high, ends.method)


def linear(aggregation: Callable[..., Any], values: Sequence[Any], clusters: Sequence[Any] | None) -> Linear | None:
    """Write a score as a function of a mean over docs.

    Args:
        aggregation: The aggregation.
        values: The docs' values.
        clusters: The cluster of each doc, when there are clusters.

    Returns:
        The score so written; None when the aggregation is none that can be.
    """
    from lm_eval.api import metrics
    from lm_eval.statistics.stderr import _questions

    if aggregation is metrics.mean:
        return Linear([float(value) for value in values], clusters, trials=True)
    if aggregation is metrics.acc_all and clusters is None:
        return Linear(_questions(values), None, trials=True)
    if aggregation is metrics.perplexity:
        return Linear([float(value) for value in values], clusters, lambda mean: _exp(-mean))
    if aggregation is metrics.brier_score:
        return Linear([metrics.brier_score([value]) for value in values], clusters)
    if aggregation is metrics.nanmean:
        kept = [place for place, value in enumerate(values) if not math.isnan(value)]
        own = None if clusters is None else [clusters[place] for place in kept]
        return Linear([float(values[place]) for place in kept], own)
    if aggregation is metrics.weighted_perplexity:
        return Linear(_ratio(values), clusters, lambda mean: _exp(-mean))
    if aggregation is metrics.bits_per_byte:
        return Linear(_ratio(values), clusters, lambda mean: -mean / math.log(2))
    return None


def _ratio(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Give numbers whose mean is the ratio of two sums and whose spread is that of the ratio, to first order.

    They are ``r + (x_i - r w_i) / mean(w)`` (Taylor linearization; Cochran, 1977, chapter 6).
    """
    total = math.fsum(weight for _, weight in pairs)
    ratio, weight_mean = math.fsum(value for value, _ in pairs) / total, total / len(pairs)
    return [ratio + (value - ratio * weight) / weight_mean for value, weight in pairs]


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
