"""Standard errors and intervals of a mean over documents in clusters, such as questions on one passage."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from lm_eval.statistics.intervals import LEVEL, Interval, t_interval, wilson

__all__ = ["Clustered", "clustered", "clustered_stderr"]


@dataclass(frozen=True, slots=True)
class Clustered:
    """The error of a mean over clusters of documents.

    Attributes:
        stderr: The clustered standard error; None when there is only one cluster.
        clusters: Number of clusters.
        effective_n: Number of independent documents that would give this standard error. It is the number of documents
            divided by the design effect, which is the squared ratio of the clustered standard error to the usual one;
            None where either is zero.
        interval: The interval of the mean; None when the values do not determine one.
    """

    stderr: float | None
    clusters: int
    effective_n: float | None
    interval: Interval | None


def clustered_stderr(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Return the standard error of a mean over documents that depend on each other only within clusters.

    It is the square root of ``G / (G - 1) · Σ_c (Σ_i∈c (x_i - mean))² / n²`` for G clusters: the sandwich estimator
    (Liang and Zeger, 1986; for evaluations Miller, 2024, equation 4) with the usual correction for few clusters.
    With one document per cluster it is the usual standard error.

    Args:
        values: The values of the documents.
        clusters: The cluster of each document; at least two different ones.
    """
    n = len(values)
    mean = math.fsum(values) / n
    sums: dict[Hashable, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + (value - mean)
    count = len(sums)
    return math.sqrt(count / (count - 1) * math.fsum(total**2 for total in sums.values())) / n


def clustered(
    values: Sequence[float], clusters: Sequence[Hashable], level: float = LEVEL, *, trials: bool = True
) -> Clustered:
    """Return the error, the effective number of documents and the interval of a mean over clusters of documents.

    The interval is Student's t with G - 1 degrees of freedom for G clusters, clipped to 0 and 1 for 0/1 values. When
    0/1 values are all equal, the spread between clusters is unknown; the interval is then Wilson's, with each cluster
    as one trial.

    Args:
        values: The values of the documents, at least one.
        clusters: The cluster of each document.
        level: Coverage probability.
        trials: Whether values that are all 0 or 1 are failures and successes; log-likelihoods, for example, are not.
    """
    n, count = len(values), len(set(clusters))
    proportion = trials and all(value in (0, 1) for value in values)
    interval: Interval | None = None
    if proportion and min(values) == max(values):
        interval = Interval(*wilson(count * values[0], count, level), "wilson")
    if count < 2:
        return Clustered(None, count, None, interval)
    mean, stderr = math.fsum(values) / n, clustered_stderr(values, clusters)
    plain = math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n
    # Clusters of the same mean, such as 1, 1, 0 and 0, 1, 1, differ only by rounding. Treat that as no difference.
    if stderr <= 1e-9 * math.sqrt(plain) or min(values) == max(values):
        stderr = 0.0
    if interval is None and 0 < stderr < math.inf:
        low, high = t_interval(mean, stderr, count - 1, level)
        if proportion:
            low, high = max(0.0, low), min(1.0, high)
        interval = Interval(low, high, "clustered t")
    effective = None
    if 0 < stderr < math.inf:
        effective = n * plain / stderr**2 or None
    return Clustered(stderr, count, effective, interval)
