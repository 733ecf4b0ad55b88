"""Standard errors: closed forms where one is known, the bootstrap for all other aggregations.

``docs/statistics.md`` lists which score gets which standard error, and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.statistics.aggregations import (
    acc_all,
    mean,
    median,
    nanmean,
    perplexity,
    question_scores,
    sample_stddev,
    weighted_mean,
)
from lm_eval.statistics.classification import COUNT_SCORES, f1_score, matthews_corrcoef
from lm_eval.statistics.corpus import CORPUS_SCORES, bleu, chrf, chrfpp, corpus_resampler, ter
from lm_eval.statistics.pairwise import length_controlled_rate, length_controlled_stderr
from lm_eval.statistics.resample import count_resamples, median_resamples, places

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "acc_all_stderr",
    "bootstrap_stderr",
    "combined_sample_stderr",
    "mean_stderr",
    "pooled_sample_stderr",
    "stderr_for_metric",
    "unweighted_mean_stderr",
    "weighted_mean_stderr",
]


def mean_stderr(arr: Sequence[float]) -> float:
    """Return the standard error of the mean, ``sample_stddev / sqrt(n)``.

    Args:
        arr: The values, at least two.
    """
    return sample_stddev(arr) / math.sqrt(len(arr))


def acc_all_stderr(items: Iterable[tuple[object, Mapping[str, Any]]]) -> float:
    """Return the standard error of ``acc_all`` over questions.

    Args:
        items: As in ``acc_all``, with at least two questions.
    """
    return mean_stderr(question_scores(items))


def weighted_mean_stderr(items: Sequence[Sequence[float]]) -> float:
    """Return the standard error of ``weighted_mean``, to the first order: that of a ratio of two sums.

    Args:
        items: As in ``weighted_mean``, at least two.
    """
    ratio, n = weighted_mean((value, weight) for value, weight in items), len(items)
    squares = math.fsum((value - ratio * weight) ** 2 for value, weight in items)
    return math.sqrt(squares * n / (n - 1)) / math.fsum(weight for _, weight in items)


def pooled_sample_stderr(stderrs: Sequence[float], sizes: Sequence[int]) -> float:
    """Return the standard error of a group's mean weighted by size, pooled from its tasks.

    Args:
        stderrs: One standard error per task.
        sizes: Number of documents of each task.

    Returns:
        ``sqrt(sum((n_i - 1) n_i s_i^2) / (sum(n_i) - k) / sum(n_i))`` for k tasks.
    """
    total = sum(sizes)
    spread = sum((n - 1) * n * s**2 for s, n in zip(stderrs, sizes, strict=True))
    return math.sqrt(spread / (total - len(sizes)) / total)


def unweighted_mean_stderr(stderrs: Sequence[float]) -> float:
    """Return the standard error of the unweighted mean of independent scores.

    Args:
        stderrs: One standard error per score.

    Returns:
        ``sqrt(sum(s_i^2)) / k`` for k scores.
    """
    return math.sqrt(sum(s**2 for s in stderrs)) / len(stderrs)


def combined_sample_stderr(
    stderrs: Sequence[float], sizes: Sequence[int], metrics: Sequence[float] | None = None
) -> float:
    """Return a standard error that includes the spread between tasks, adding one task after the other.

    Kept for code that imports it, with the values of the reference harness; groups use ``pooled_sample_stderr``.

    Args:
        stderrs: One standard error per task.
        sizes: Number of documents of each task.
        metrics: One score per task.

    Raises:
        ValueError: There are no scores.
    """
    if metrics is None:
        raise ValueError("combined_sample_stderr needs the tasks' scores.")
    variance, n, score = stderrs[0] ** 2, sizes[0], metrics[0]
    for stderr, size, metric in zip(stderrs[1:], sizes[1:], metrics[1:], strict=True):
        score = (score * n + metric * size) / (n + size)
        variance = ((n - 1) * variance + (size - 1) * stderr**2) / (n + size - 1) + n * size / (
            (n + size) * (n + size - 1)
        ) * (score - metric) ** 2
    return math.sqrt(variance)


def stderr_for_metric(
    metric: Callable[..., object], bootstrap_iters: int | None
) -> Callable[[Sequence[Any]], float | None] | None:
    """Choose how to compute the standard error of a score.

    Args:
        metric: The aggregation.
        bootstrap_iters: Number of resamples where the bootstrap is needed; 0 or None turns off all standard errors.

    Returns:
        A function of the values of the documents; None when there is no standard error.
    """
    if not bootstrap_iters or bootstrap_iters < 0:
        return None
    if metric in (mean, acc_all):
        return mean_stderr if metric is mean else acc_all_stderr
    if metric is length_controlled_rate:
        return length_controlled_stderr
    if metric is weighted_mean:
        return weighted_mean_stderr
    if metric in (median, matthews_corrcoef, f1_score, perplexity, bleu, chrf, chrfpp, ter, nanmean):
        return lambda values: bootstrap_stderr(metric, values, bootstrap_iters)
    return None


def bootstrap_stderr(f: Callable[..., Any], xs: Sequence[Any], iters: int) -> float:
    """Estimate a standard error as the standard deviation of the score over resamples with replacement.

    For some aggregations the resamples are counts, or the limit of many resamples has a closed form. Any other
    function is called once per resample. The same input gives the same estimate.

    Args:
        f: The aggregation.
        xs: The values of the documents.
        iters: Number of resamples, at least two.
    """
    import numpy as np

    if f in _CLOSED:
        return _CLOSED[f](np.asarray(xs, dtype=np.float64))
    if f is median:
        return _spread(median_resamples(xs, iters))
    if f in COUNT_SCORES:
        return _spread(count_resamples(f, xs, iters))
    score = corpus_resampler(f, xs) if f in CORPUS_SCORES else None
    if score is not None:
        return _spread([score(drawn) for drawn in places(len(xs), iters)])
    return _spread([float(f([xs[i] for i in drawn])) for drawn in places(len(xs), iters)])


def _spread(scores: NDArray[np.float64] | Sequence[float]) -> float:
    import numpy as np

    return float(np.std(np.asarray(scores, dtype=np.float64), ddof=1))


def _perplexity_stderr(values: NDArray[np.float64]) -> float:
    """Return the bootstrap's standard deviation of ``exp(-mean)`` in the limit of many resamples.

    The mean m of n independent draws has E[exp(-t m)] = (mean of exp(-t x / n))^n, so the variance is
    E[exp(-2m)] - E[exp(-m)]^2. The values are centred to keep the difference accurate.
    """
    import numpy as np

    n, centre = len(values), float(np.mean(values))
    if not math.isfinite(centre):
        return math.nan
    centred = (values - centre) / n

    def log_moment(t: float) -> float:
        shift = float(np.max(-t * centred))
        return n * (shift + math.log1p(float(np.mean(np.expm1(-t * centred - shift)))))

    first, second = log_moment(1.0), log_moment(2.0)
    try:
        return math.exp(first - centre) * math.sqrt(max(0.0, math.expm1(second - 2 * first)))
    except OverflowError:
        return math.inf


def _nanmean_stderr(values: NDArray[np.float64]) -> float:
    """Return the bootstrap's standard deviation of the mean over values that are not NaN, exactly.

    A resample holds m such values, where m is binomial. Given m, the variance of the mean is s^2 / m; its expectation
    over m > 0 is the result.
    """
    import numpy as np

    kept = values[~np.isnan(values)]
    n, share = len(values), len(kept) / len(values)
    if not len(kept):
        return math.nan
    variance = float(np.var(kept))
    if share == 1.0:
        return math.sqrt(variance / n)
    m = np.arange(1, n + 1)
    steps = np.log((n - m + 1) / m) + math.log(share / (1 - share))
    log_weights = np.cumsum(steps)
    weights = np.exp(log_weights - np.max(log_weights))
    return math.sqrt(variance * float(np.sum(weights / m) / np.sum(weights)))


_CLOSED: dict[Callable[..., object], Callable[[NDArray[np.float64]], float]] = {
    perplexity: _perplexity_stderr,
    nanmean: _nanmean_stderr,
}
