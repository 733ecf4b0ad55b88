"""Two runs on the same documents: tests and intervals of their difference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log, sqrt
from typing import TYPE_CHECKING

from lm_eval.statistics.intervals import LEVEL, normal_quantile, t_cdf, t_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ALPHA",
    "BootstrapResult",
    "McNemar",
    "Stratum",
    "mcnemar",
    "minimum_detectable_effect",
    "paired_bootstrap",
    "proportion_interval",
    "proportion_stderr",
    "stratified_bootstrap",
]

ALPHA = 0.05
"""Default significance level, the complement of the coverage of intervals."""

_MAX_RESAMPLES = 9_999
_MIN_RESAMPLES = 1_999
_MAX_DRAWS = 20_000_000
"""Number of draws above which a test uses fewer resamples."""
_MIN_EXCEEDING = 10
"""With fewer resamples beyond the observed statistic, the p-value is extrapolated."""
_DRAWS_PER_BLOCK = 100_000
"""Number of draws in one block, which has to fit into the processor cache."""


@dataclass(frozen=True)
class McNemar:
    """Two p-values for the same counts.

    Attributes:
        exact: The p-value of the exact conditional test: the rate of false alarms is never above its level.
        mid: The mid-p value, which counts half of the observed table: the rate of false alarms is near its level.
    """

    exact: float
    mid: float


def mcnemar(wins: int, losses: int) -> McNemar:
    """Test whether two 0/1 scores of the same documents have the same mean, two-sided.

    Given the number of documents that differ, the wins are binomial with probability 1/2 (McNemar, 1947, Psychometrika
    12, 153-157). The exact test is conservative, and more so the fewer documents differ; the mid-p variant is near its
    level (Fagerland, Lydersen and Laake, 2013, BMC Med. Res. Methodol. 13:91).

    Args:
        wins: Number of documents with 1 in the second run only.
        losses: Number of documents with 1 in the first run only.

    Returns:
        Both p-values; 1 when no document differs.
    """
    total, fewer = wins + losses, min(wins, losses)
    # Start at the observed table and go outwards: each binomial term follows from its neighbour.
    term = exp(lgamma(total + 1) - lgamma(fewer + 1) - lgamma(total - fewer + 1) - total * log(2))
    observed, tail = term, term
    for k in range(fewer, 0, -1):
        term *= k / (total - k + 1)
        tail += term
        if term < tail * 1e-17:
            break
    return McNemar(exact=min(1.0, 2 * tail), mid=1.0 if wins == losses else min(1.0, 2 * tail - observed))


def proportion_interval(wins: int, losses: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the difference of two proportions over the same documents, by inverting a score test.

    Tango, 1998, Stat. Med. 17, 891-908. For each difference d the probability of a loss is its maximum likelihood
    estimate under d. The interval holds every d that is at most a normal quantile times the standard error away from
    the observed difference.

    Args:
        wins: Number of documents with 1 in the second run only.
        losses: Number of documents with 1 in the first run only.
        n: Number of all documents, at least 1.
        level: Coverage probability.

    Returns:
        Both ends of the interval of second minus first, within -1 and 1.
    """
    quantile = normal_quantile((1 + level) / 2)

    def score(difference: float) -> float:
        b = (2 * n - wins + losses) * difference - wins - losses
        c = -losses * difference * (1 - difference)
        loss = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * loss + difference * (1 - difference))
        distance = wins - losses - n * difference
        if variance <= 0:
            return 0.0 if distance == 0 else inf * distance
        return distance / sqrt(variance)

    def bound(inside: float, outside: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            if abs(score(middle)) <= quantile:
                inside = middle
            else:
                outside = middle
        return inside

    estimate = (wins - losses) / n
    return bound(estimate, -1.0), bound(estimate, 1.0)


def proportion_stderr(wins: int, losses: int, n: int) -> float:
    """Estimate the standard error of the difference of two proportions over the same documents.

    One win and one loss are added (Bonett and Price, 2012, J. Educ. Behav. Stat. 37, 479-488). Without these the
    estimate would be 0 when no document differs, and unreliable when few differ.

    Args:
        wins: Number of documents with 1 in the second run only.
        losses: Number of documents with 1 in the first run only.
        n: Number of all documents.
    """
    total = n + 2
    return sqrt(((wins + losses + 2) / total - ((wins - losses) / total) ** 2) / total)


@dataclass(frozen=True)
class Stratum:
    """The differences of one task.

    Attributes:
        differences: Second minus first, one value per document.
        clusters: The cluster of each document; None draws documents one by one.
        weight: Weight of the task in the total.
    """

    differences: Sequence[float] | NDArray[np.float64]
    clusters: Sequence[Hashable] | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class BootstrapResult:
    """A mean difference and its uncertainty.

    Attributes:
        difference: The weighted mean of the differences.
        stderr: Its standard error, which allows for clusters; None when a stratum has fewer than two documents or
            clusters.
        interval: Both ends; None in the cases listed in ``stratified_bootstrap``.
        p_value: Two-sided; None when there is no standard error, or when it is 0 and the difference is not.
    """

    difference: float
    stderr: float | None
    interval: tuple[float, float] | None
    p_value: float | None


def paired_bootstrap(
    differences: Sequence[float] | NDArray[np.float64],
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = LEVEL,
    iterations: int | None = None,
    seed: int = 1234,
) -> BootstrapResult:
    """Test whether the mean of paired differences is 0, and compute its interval.

    Args:
        differences: Second minus first, one value per document.
        clusters: The cluster of each document, such as its passage; complete clusters are drawn.
        level: Coverage probability.
        iterations: Number of resamples. None takes 9,999, or fewer for more than 2,000 documents, but at least 1,999.
        seed: Seed of the draws.

    Returns:
        The mean, its standard error, interval and p-value, as in ``stratified_bootstrap``.
    """
    return stratified_bootstrap([Stratum(differences, clusters)], level=level, iterations=iterations, seed=seed)


def stratified_bootstrap(
    strata: Sequence[Stratum], *, level: float = LEVEL, iterations: int | None = None, seed: int = 1234
) -> BootstrapResult:
    """Test a weighted sum of the mean differences of tasks, and compute its interval; documents are drawn per task.

    The statistic is studentised: the distance of each resample from the mean is divided by the standard error of that
    resample, and the absolute values give one quantile for both sides (symmetric bootstrap-t; Hall, 1988, Ann. Statist.
    16, 927-953). Plain percentiles are too narrow for few documents. The p-value is at most 1 - ``level`` exactly when
    the interval excludes 0. Below 11 in ``iterations`` + 1 it is extrapolated with Student's t. Swapping the two runs
    gives the same p-value.

    Args:
        strata: The tasks.
        level: Coverage probability.
        iterations: Number of resamples; None chooses by the number of documents.
        seed: Seed of the draws.

    Returns:
        The result. There is no interval when a stratum has fewer than two documents or clusters, when the differences
        within each stratum are all equal, or when so few documents differ that too many resamples have no spread.
    """
    import numpy as np

    units = [_units(stratum) for stratum in strata]
    difference = sum(stratum.weight * unit.mean for stratum, unit in zip(strata, units, strict=True))
    if any(len(unit.residuals) < 2 for unit in units):
        return BootstrapResult(difference, None, None, None)
    weights = [stratum.weight for stratum in strata]
    stderr = sqrt(sum((weight * unit.stderr) ** 2 for weight, unit in zip(weights, units, strict=True)))
    if stderr <= 1e-12 * max(abs(difference), 1e-300):
        return BootstrapResult(difference, 0.0, None, None if difference else 1.0)
    if iterations is None:
        docs = sum(len(unit.residuals) for unit in units)
        iterations = max(_MIN_RESAMPLES, min(_MAX_RESAMPLES, _MAX_DRAWS // docs))
        # One less than a multiple of 20, so that 5 % of the resamples plus the observation is an integer.
        iterations -= (iterations + 1) % 20
    shifts: NDArray[np.float64] = np.zeros(iterations)
    variances: NDArray[np.float64] = np.zeros(iterations)
    rng = np.random.default_rng(seed)
    for weight, unit in zip(weights, units, strict=True):
        shift, variance = _resample(unit, iterations, rng)
        shifts += weight * shift
        variances += weight * weight * variance
    # A resample of equal values has no spread and no shift; rounding leaves tiny ones, so remove them.
    variances[variances < 1e-12 * stderr**2] = 0.0
    shifts = np.where(np.abs(shifts) < 1e-9 * stderr, 0.0, np.abs(shifts))
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(shifts == 0, 0.0, shifts / np.sqrt(variances))
    reached = int((scaled >= abs(difference) / stderr * (1 - 1e-9)).sum())
    p_value = (1 + reached) / (iterations + 1)
    ordered = np.sort(scaled)
    if reached < _MIN_EXCEEDING:
        df = sum(len(unit.residuals) - 1 for unit in units)
        p_value = min((1 + _MIN_EXCEEDING) / (iterations + 1), _tail(abs(difference) / stderr, ordered, df))
    half = _quantile(ordered, level) * stderr
    interval = (difference - half, difference + half) if half < inf else None
    return BootstrapResult(difference, stderr, interval, p_value)


def _quantile(ordered: NDArray[np.float64], level: float) -> float:
    """Return the value that a share ``level`` of the resamples plus the observation does not exceed."""
    return float(ordered[min(len(ordered), round((len(ordered) + 1) * level)) - 1])


def _tail(t: float, ordered: NDArray[np.float64], df: int) -> float:
    """Extrapolate a p-value below the resolution of the resamples, to allow multiple-testing correction.

    Uses the tail of Student's t, scaled so that its 99 % quantile is that of the resamples.
    """
    quantile = _quantile(ordered, 0.99)
    return 1.0 if quantile == inf or quantile == 0 else 2 * t_cdf(-t * t_quantile(0.995, df) / quantile, df)


def minimum_detectable_effect(stderr: float, alpha: float = ALPHA, power: float = 0.8) -> float:
    """Return how large a true difference must be to be detected with a given probability.

    It is (z of 1 - alpha/2 + z of power) standard errors, as in Miller, 2024, "Adding Error Bars to Evals"
    (arXiv:2411.00640), section 5, with the estimated standard error.

    Args:
        stderr: The standard error of the mean difference.
        alpha: Significance level of the two-sided test.
        power: Probability of detection.

    Returns:
        The difference, in the unit of the standard error.
    """
    return (normal_quantile(1 - alpha / 2) + normal_quantile(power)) * stderr


@dataclass(frozen=True)
class _Units:
    """The units that are drawn: documents or clusters.

    Attributes:
        mean: Mean over all documents.
        residuals: Sum of differences from the mean, for each unit.
        sizes: Number of documents in each unit; None when it is always 1.
    """

    mean: float
    residuals: NDArray[np.float64]
    sizes: NDArray[np.float64] | None

    @property
    def stderr(self) -> float:
        """The standard error of the mean between units, as in ``clustered_stderr``."""
        units = len(self.residuals)
        docs = units if self.sizes is None else float(self.sizes.sum())
        return sqrt(units / (units - 1) * float(self.residuals @ self.residuals)) / docs


def _units(stratum: Stratum) -> _Units:
    import numpy as np

    values = np.asarray(stratum.differences, dtype=float)
    mean = float(values.mean())
    # Set residuals that are only rounding to 0; otherwise equal differences would seem to vary.
    residuals = np.where(np.abs(values - mean) <= 1e-12 * abs(mean), 0.0, values - mean)
    if stratum.clusters is None:
        return _Units(mean, residuals, None)
    numbers: dict[Hashable, int] = {}
    index = [numbers.setdefault(cluster, len(numbers)) for cluster in stratum.clusters]
    sums, sizes = np.zeros(len(numbers)), np.zeros(len(numbers))
    np.add.at(sums, index, residuals)
    np.add.at(sizes, index, 1)
    return _Units(mean, sums, sizes)


def _resample(
    units: _Units, iterations: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw resamples of the units with replacement.

    Returns:
        For each resample: the distance of its mean from the mean of the data, and the variance of its mean.
    """
    import numpy as np

    residuals, sizes, n = units.residuals, units.sizes, len(units.residuals)
    values, counts = np.unique(residuals, return_counts=True)
    if sizes is None and 50 * len(values) <= n:
        # With few distinct values it is enough to draw their counts. They are ordered by absolute value, so that the
        # draws are the same when the runs are swapped.
        order = np.lexsort((values, counts, np.abs(values)))
        values, counts = values[order], counts[order]
        drawn = rng.multinomial(n, counts / n, size=iterations)
        sums, squares = drawn @ values, drawn @ values**2
        return sums / n, (squares - sums**2 / n) / (n - 1) / n
    shifts, variances = np.empty(iterations), np.empty(iterations)
    for start in range(0, iterations, step := max(1, _DRAWS_PER_BLOCK // n)):
        rows = slice(start, min(start + step, iterations))
        index = rng.integers(n, size=(rows.stop - start, n), dtype=np.int32)
        drawn_residuals = residuals[index]
        sums, squares = drawn_residuals.sum(axis=1), np.einsum("ij,ij->i", drawn_residuals, drawn_residuals)
        if sizes is None:
            shifts[rows], variances[rows] = sums / n, (squares - sums**2 / n) / (n - 1) / n
            continue
        drawn_sizes = sizes[index]
        docs = drawn_sizes.sum(axis=1)
        shift = shifts[rows] = sums / docs
        products = np.einsum("ij,ij->i", drawn_residuals, drawn_sizes)
        around = squares - 2 * shift * products + shift**2 * np.einsum("ij,ij->i", drawn_sizes, drawn_sizes)
        variances[rows] = n / (n - 1) * around / docs**2
    return shifts, variances
