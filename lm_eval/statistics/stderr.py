"""Simple aggregations, and standard errors: closed forms where there are any, the bootstrap elsewhere.

``docs/statistics.md`` says which score gets which standard error and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lm_eval.statistics.classification import COUNT_SCORES, f1_score, matthews_corrcoef
from lm_eval.statistics.corpus import CORPUS_SCORES, bleu, chrf, chrfpp, corpus_resampler, ter
from lm_eval.statistics.resample import count_resamples, median_resamples, places

__all__ = [
    "acc_all",
    "acc_all_stderr",
    "bootstrap_stderr",
    "combined_sample_stderr",
    "mean",
    "mean_stderr",
    "median",
    "nanmean",
    "perplexity",
    "pooled_sample_stderr",
    "pop_stddev",
    "question_scores",
    "sample_stddev",
    "stderr_for_metric",
    "unweighted_mean_stderr",
]


def mean(arr: Sequence[float]) -> float:
    """Give the arithmetic mean.

    Args:
        arr: The values, at least one.

    Returns:
        The mean.
    """
    return float(sum(arr) / len(arr))


def nanmean(arr: Sequence[float]) -> float:
    """Give the mean of the values that are not NaN.

    Args:
        arr: The values.

    Returns:
        The mean; NaN when no value is left.
    """
    kept = [value for value in arr if not math.isnan(value)]
    return mean(kept) if kept else math.nan


def median(arr: Sequence[Any]) -> Any:
    """Give the median; of an even number of values the upper of the two in the middle.

    Args:
        arr: The values, at least one.

    Returns:
        One of the values.
    """
    return sorted(arr)[len(arr) // 2]


def perplexity(items: Sequence[float]) -> float:
    """Give ``exp(-mean(log-likelihoods))``.

    Args:
        items: Log-likelihoods in nats.

    Returns:
        The perplexity; infinite where no float can hold it.
    """
    try:
        return math.exp(-mean(items))
    except OverflowError:
        return math.inf


def pop_stddev(arr: Sequence[float]) -> float:
    """Give the standard deviation with n in the denominator.

    Args:
        arr: The values, at least one.

    Returns:
        The standard deviation.
    """
    centre = mean(arr)
    return math.sqrt(sum((value - centre) ** 2 for value in arr) / len(arr))


def sample_stddev(arr: Sequence[float]) -> float:
    """Give the standard deviation with n - 1 in the denominator.

    Args:
        arr: The values, at least two.

    Returns:
        The standard deviation.
    """
    centre = mean(arr)
    return math.sqrt(sum((value - centre) ** 2 for value in arr) / (len(arr) - 1))


def mean_stderr(arr: Sequence[float]) -> float:
    """Give the standard error of the mean, ``sample_stddev / sqrt(n)``.

    Args:
        arr: The values, at least two.

    Returns:
        The standard error.
    """
    return sample_stddev(arr) / math.sqrt(len(arr))


def question_scores(items: Iterable[tuple[Any, Mapping[str, Any]]]) -> list[float]:
    """Score questions with several answers, one number per question.

    Args:
        items: As ``acc_all``.

    Returns:
        1.0 for each question all of whose answers were judged right, else 0.0, in order of appearance.
    """
    right: dict[tuple[Any, Any], bool] = {}
    for predicted, doc in items:
        question = (doc["idx"]["paragraph"], doc["idx"]["question"])
        right[question] = right.get(question, True) and (doc["label"] == 1) == predicted
    return [float(all_right) for all_right in right.values()]


def acc_all(items: Iterable[tuple[Any, Mapping[str, Any]]]) -> float:
    """Give the share of questions all of whose answers were judged right (MultiRC).

    Args:
        items: Pairs (judgement, doc) with ``doc["idx"]["paragraph"]``, ``doc["idx"]["question"]``, ``doc["label"]``.

    Returns:
        A number between 0 and 1.
    """
    return mean(question_scores(items))


def acc_all_stderr(items: Iterable[tuple[Any, Mapping[str, Any]]]) -> float:
    """Give the standard error of ``acc_all`` over questions.

    Args:
        items: As ``acc_all``, of at least two questions.

    Returns:
        The standard error.
    """
    return mean_stderr(question_scores(items))


def pooled_sample_stderr(stderrs: Sequence[float], sizes: Sequence[int]) -> float:
    """Pool the standard errors of a group's tasks for the mean weighted by size.

    Args:
        stderrs: A standard error a task.
        sizes: Docs a task.

    Returns:
        ``sqrt(sum((n_i - 1) n_i s_i^2) / (sum(n_i) - k) / sum(n_i))`` for k tasks.
    """
    total = sum(sizes)
    spread = sum((n - 1) * n * s**2 for s, n in zip(stderrs, sizes, strict=True))
    return math.sqrt(spread / (total - len(sizes)) / total)


def unweighted_mean_stderr(stderrs: Sequence[float]) -> float:
    """Give the standard error of the plain mean of independent scores.

    Args:
        stderrs: A standard error a score.

    Returns:
        ``sqrt(sum(s_i^2)) / k`` for k scores.
    """
    return math.sqrt(sum(s**2 for s in stderrs)) / len(stderrs)


def combined_sample_stderr(
    stderrs: Sequence[float], sizes: Sequence[int], metrics: Sequence[float] | None = None
) -> float:
    """Give a standard error that also counts the spread between tasks, adding one task after the other.

    Kept for code that imports it, with the values of the harness it is known from; groups use
    ``pooled_sample_stderr``.

    Args:
        stderrs: A standard error a task.
        sizes: Docs a task.
        metrics: A score a task.

    Returns:
        The standard error.

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
    metric: Callable[..., Any], bootstrap_iters: int | None
) -> Callable[[Sequence[Any]], float] | None:
    """Choose how to compute a score's standard error.

    Args:
        metric: The aggregation.
        bootstrap_iters: Resamples where the bootstrap is needed; 0 or None asks for no standard errors at all.

    Returns:
        A function of the docs' values, or None when there is no standard error.
    """
    if not bootstrap_iters or bootstrap_iters < 0:
        return None
    if metric in (mean, acc_all):
        return mean_stderr if metric is mean else acc_all_stderr
    if metric in (median, matthews_corrcoef, f1_score, perplexity, bleu, chrf, chrfpp, ter, nanmean):
        return lambda values: bootstrap_stderr(metric, values, bootstrap_iters)
    return None


def bootstrap_stderr(f: Callable[[Sequence[Any]], Any], xs: Sequence[Any], iters: int) -> float:
    """Estimate a standard error: the standard deviation of the score over resamples with replacement.

    Known aggregations are resampled by counts, or have a closed form for what resampling converges to; any other
    function is called once a resample. The same input gives the same estimate.

    Args:
        f: The aggregation.
        xs: The docs' values.
        iters: Resamples, at least two.

    Returns:
        The standard error.
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


def _spread(scores: Any) -> float:
    import numpy as np

    return float(np.std(np.asarray(scores, dtype=np.float64), ddof=1))


def _perplexity_stderr(values: Any) -> float:
    """Give the bootstrap's standard deviation of ``exp(-mean)`` exactly, in the limit of many resamples.

    The mean m of n independent draws has E[exp(-t m)] = (mean of exp(-t x / n))^n, so that the variance is
    E[exp(-2m)] - E[exp(-m)]^2. Centred values keep the difference accurate.
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


def _nanmean_stderr(values: Any) -> float:
    """Give the bootstrap's standard deviation of the mean over values that are not NaN, exactly.

    A resample holds m of them with m binomial, and then the mean's variance is s^2 / m: the expectation is taken
    over m > 0.
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


_CLOSED: dict[Callable[..., Any], Callable[[Any], float]] = {
    perplexity: _perplexity_stderr,
    nanmean: _nanmean_stderr,
}
