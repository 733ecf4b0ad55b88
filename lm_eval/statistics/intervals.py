"""Confidence intervals of one score, and the quantiles that they need, without scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "LEVEL",
    "Interval",
    "bootstrap_interval",
    "interval_of",
    "normal_quantile",
    "t_cdf",
    "t_interval",
    "t_quantile",
    "wilson",
]

LEVEL = 0.95
"""Default coverage probability of intervals."""

_TINY = 1e-300
_NEARLY_NORMAL = 1e6
"""Degrees of freedom above which Student's t is computed as the normal distribution with one correction term."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval and the method that computed it.

    Attributes:
        low: Lower end.
        high: Upper end.
        method: ``wilson``, ``t``, ``clustered t``, ``bootstrap`` or ``logistic``.
    """

    low: float
    high: float
    method: str


def normal_quantile(p: float) -> float:
    """Return the quantile of the standard normal distribution.

    Args:
        p: A probability between 0 and 1, both excluded.
    """
    return NormalDist().inv_cdf(p)


def t_cdf(t: float, df: float) -> float:
    """Return the distribution function of Student's t.

    Args:
        t: A number.
        df: Degrees of freedom, above 0; need not be an integer.

    Returns:
        The probability that the variable is at most ``t``, by the regularized incomplete beta function
        (Abramowitz and Stegun, 1964, 26.7.1).
    """
    if df >= _NEARLY_NORMAL:
        return NormalDist().cdf(t * (1 - (1 + t * t) / (4 * df)))
    beyond = 0.5 * _incomplete_beta(df / 2, 0.5, df / (df + t * t))
    return 1 - beyond if t > 0 else beyond


@lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """Return the quantile of Student's t.

    Args:
        p: A probability between 0 and 1, both excluded.
        df: Degrees of freedom, above 0; need not be an integer.
    """
    if p <= 0.5:
        return -t_quantile(1 - p, df) if p < 0.5 else 0.0
    t = normal_quantile(p)
    if df >= _NEARLY_NORMAL:
        return t + (t**3 + t) / (4 * df)
    # Newton's method from below: right of 0 the distribution function is concave, so no step goes too far.
    log_peak = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    for _ in range(200):
        density = math.exp(log_peak - (df + 1) / 2 * math.log1p(t * t / df))
        t += (step := (p - t_cdf(t, df)) / density)
        if step <= 1e-14 * t:
            break
    return t


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        # The fraction converges fast only on the other side.
        return 1 - _incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    # Lentz's method: the fraction as a product of ratios of successive numerators and denominators.
    numerator, denominator = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = denominator
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            denominator = 1 / _away_from_zero(1 + term * denominator)
            numerator = _away_from_zero(1 + term / numerator)
            fraction *= (step := numerator * denominator)
        if abs(step - 1) < 1e-15:
            break
    return math.exp(log_front) * fraction / a


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def wilson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Return the score interval of a proportion (Wilson, 1927).

    It is never empty and stays within 0 and 1, even when all trials have the same result.

    Args:
        successes: Number of successes.
        n: Number of trials; need not be an integer, for an effective number.
        level: Coverage probability.

    Returns:
        Both ends; 0 and 1 without trials.
    """
    if n <= 0:
        return 0.0, 1.0
    z, share = normal_quantile((1 + level) / 2), successes / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the edges, rounding must not exclude the observed share.
    return (0.0 if successes <= 0 else max(0.0, centre - half)), (1.0 if successes >= n else min(1.0, centre + half))


def t_interval(mean: float, stderr: float, df: float, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval ``mean ± t · stderr`` (Student, 1908).

    Args:
        mean: The estimate.
        stderr: Its standard error.
        df: Degrees of freedom of the standard error.
        level: Coverage probability.

    Returns:
        Both ends.
    """
    half = t_quantile((1 + level) / 2, df) * stderr
    return mean - half, mean + half


def bootstrap_interval(
    scores: NDArray[np.float64],
    level: float = LEVEL,
    *,
    estimate: float | None = None,
    jackknife: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Return an interval from the scores of resamples.

    Args:
        scores: The score of each resample.
        level: Coverage probability.
        estimate: The score of the data, for the bias-corrected and accelerated interval (Efron, 1987).
        jackknife: The scores without each document in turn, for the same interval.

    Returns:
        Percentiles of the scores. With ``estimate`` and ``jackknife`` the percentiles are corrected for bias and for a
        standard error that changes with the score.
    """
    import numpy as np

    ordered = np.sort(scores)
    tails = [(1 - level) / 2, (1 + level) / 2]
    if estimate is not None and jackknife is not None:
        below = float(np.mean(ordered < estimate) + np.mean(ordered == estimate) / 2)
        if 0 < below < 1:
            inward = jackknife.mean() - jackknife
            spread = float(np.sum(inward**2)) ** 1.5
            acceleration = float(np.sum(inward**3)) / (6 * spread) if spread else 0.0
            bias = normal_quantile(below)
            shifted = [bias + normal_quantile(tail) for tail in tails]
            tails = [NormalDist().cdf(bias + z / (1 - acceleration * z)) for z in shifted]
    low, high = np.quantile(ordered, tails)
    return float(low), float(high)


def interval_of(values: Sequence[float], level: float = LEVEL, *, trials: bool = True) -> Interval | None:
    """Choose and compute the interval of a mean: Wilson's for 0/1 values, Student's t for others.

    Args:
        values: The values of the documents.
        level: Coverage probability.
        trials: Whether values that are all 0 or 1 are failures and successes; log-likelihoods, for example, are not.

    Returns:
        The interval; None when there is no value, or when values that are not trials are fewer than two, all equal or
        not finite.
    """
    n = len(values)
    if trials and n and all(value in (0, 1) for value in values):
        return Interval(*wilson(sum(values), n, level), "wilson")
    if n < 2:
        return None
    mean = math.fsum(values) / n
    spread = math.fsum((value - mean) ** 2 for value in values)
    if not 0 < spread < math.inf or max(values) == min(values):
        return None
    return Interval(*t_interval(mean, math.sqrt(spread / (n - 1) / n), n - 1, level), "t")
