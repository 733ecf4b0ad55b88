"""Compare each score of a task: choose the test, run it, and fill one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, fsum, isclose
from typing import Literal, TypeAlias

from lm_eval.reports.compare.answers import answer_of, target_of
from lm_eval.reports.compare.pairing import Pairing
from lm_eval.reports.compare.types import Flip, Row
from lm_eval.results import Sample, Score
from lm_eval.statistics.paired import (
    BootstrapResult,
    Stratum,
    mcnemar,
    minimum_detectable_effect,
    paired_bootstrap,
    proportion_interval,
    proportion_stderr,
)
from lm_eval.statistics.pairwise import win_rate

__all__ = ["TestedRow", "bootstrap_row", "mcnemar_row", "task_row", "untested_row", "without_difference"]

_MAX_FLIPS = 100

TestedRow: TypeAlias = tuple[Row, Stratum | None]
"""A row and, when it was tested on the scale of differences, the differences for the groups of the task."""
_Pair: TypeAlias = tuple[Sample, Sample, float, float]
"""The samples of a document in A and B, and its value in A and B."""
_Cluster: TypeAlias = "tuple[str, str | int]"
_Scale: TypeAlias = Literal["difference", "ratio"]


def untested_row(score_a: Score, score_b: Score) -> Row:
    """Put two scores into a row, with their difference.

    Args:
        score_a: A's score.
        score_b: B's score of the same task or group, metric and filter.

    Returns:
        The row; it has a reason when a score is missing.
    """
    row = Row(
        task=score_a.task,
        metric=score_a.metric,
        filter=score_a.filter,
        higher_is_better=score_b.higher_is_better if score_a.higher_is_better is None else score_a.higher_is_better,
        score_a=score_a.value,
        score_b=score_b.value,
        is_group=score_a.is_group,
    )
    if score_a.value is None or score_b.value is None:
        return replace(row, reason=f"no score in {'A' if score_a.value is None else 'B'}")
    return replace(row, difference=score_b.value - score_a.value)


def task_row(
    score_a: Score,
    score_b: Score,
    samples_a: Sequence[Sample],
    samples_b: Sequence[Sample],
    pairing: Pairing | None,
    *,
    flips: bool = True,
) -> TestedRow:
    """Compare one metric and filter of a task.

    Args:
        score_a: A's score.
        score_b: B's score of the same task, metric and filter.
        samples_a: A's samples of the task and filter. They show whether the score is the mean of their values.
        samples_b: B's samples, likewise.
        pairing: The paired samples; None when a run saved no samples.
        flips: Whether the row lists the documents that changed.

    Returns:
        The row; without a test but with the reason when the documents' values cannot be compared.
    """
    row = untested_row(score_a, score_b)
    if pairing is None:
        return replace(row, reason="no samples saved"), None
    scales = {_scale(score_a, samples_a), _scale(score_b, samples_b)}
    if len(scales) > 1 or None in scales:
        return replace(row, reason=row.reason or _why_not(row.metric, samples_a, samples_b)), None
    pairs = [
        (a, b, x, y)
        for a, b in pairing.pairs
        if (x := a.number(row.metric)) is not None and (y := b.number(row.metric)) is not None
    ]
    row = replace(row, without_value=len(pairing.pairs) - len(pairs))
    if not pairs:
        return replace(row, reason="no document in common"), None
    return _tested(row, pairs, scales.pop() or "difference", flips)


def _tested(row: Row, pairs: Sequence[_Pair], scale: _Scale, flips: bool) -> TestedRow:
    values_a, values_b = [pair[2] for pair in pairs], [pair[3] for pair in pairs]
    n = len(pairs)
    differences = [y - x for x, y in zip(values_a, values_b, strict=True)]
    # A perplexity falls when the log-likelihoods rise.
    larger_is_better = row.higher_is_better if scale == "difference" else not row.higher_is_better
    sign = -1 if larger_is_better is False else 1
    clusters = _clusters(pairs)
    row = replace(
        row,
        scale=scale,
        n=n,
        clusters=len(set(clusters)) if clusters else None,
        wins=sum(sign * difference > 0 for difference in differences),
        losses=sum(sign * difference < 0 for difference in differences),
        flips=_flips(row, pairs, sign) if flips else (),
    )
    if any("judge" in sample.line for sample in pairs[0][:2]):
        row = _with_win_rate(row, [sign * difference for difference in differences])
    mean_a, mean_b = fsum(values_a) / n, fsum(values_b) / n
    if scale == "ratio":
        try:
            row = replace(row, a=exp(-mean_a), b=exp(-mean_b), difference=exp(mean_a - mean_b))
        except OverflowError:
            return replace(row, reason="a perplexity too large for a number"), None
        return _as_ratio(_bootstrapped(row, differences, clusters)), None
    row = replace(row, a=mean_a, b=mean_b, difference=mean_b - mean_a)
    values = {*values_a, *values_b}
    if values <= {0, 1} and not clusters:
        row = mcnemar_row(row, differences)
    else:
        row = _bootstrapped(row, differences, clusters)
        if not any(differences) and min(values) >= 0 and max(values) <= 1:
            row = without_difference(row, row.clusters or n)
    return row, Stratum(differences, clusters)


def _with_win_rate(row: Row, gains: Sequence[float]) -> Row:
    found = win_rate([0.5 if gain == 0 else float(gain > 0) for gain in gains])
    if found is None:
        return row
    interval = None if found.interval is None else (found.interval.low, found.interval.high)
    return replace(row, win_rate=found.rate, win_rate_interval=interval)


def _bootstrapped(row: Row, differences: Sequence[float], clusters: Sequence[_Cluster] | None) -> Row:
    test = "clustered paired bootstrap" if clusters else "paired bootstrap"
    return bootstrap_row(row, paired_bootstrap(differences, clusters), test, "cluster" if clusters else "document")


def mcnemar_row(row: Row, differences: Sequence[float]) -> Row:
    """Fill a row with the results of McNemar's test and Tango's interval.

    Args:
        row: The row.
        differences: B's value minus A's for each document; the values are 0 or 1.

    Returns:
        The row with the test.
    """
    ups, downs, n = differences.count(1), differences.count(-1), len(differences)
    test = mcnemar(ups, downs)
    return replace(
        row,
        test="mcnemar",
        p_value=test.mid,
        p_exact=test.exact,
        interval=proportion_interval(ups, downs, n),
        minimum_detectable_effect=minimum_detectable_effect(proportion_stderr(ups, downs, n)),
    )


def bootstrap_row(row: Row, result: BootstrapResult, test: str, unit: str = "document") -> Row:
    """Fill a row with the results of the bootstrap.

    Args:
        row: The row.
        result: The result of the bootstrap.
        test: The test's name.
        unit: What was drawn: ``document`` or ``cluster``.

    Returns:
        The row with the test, or with the reason why there is none.
    """
    if result.stderr is None:
        return replace(row, reason=f"a single {unit}")
    if result.p_value is None:
        return replace(row, reason="the difference is the same on every document")
    return replace(
        row,
        test=test,
        p_value=result.p_value,
        interval=result.interval,
        minimum_detectable_effect=minimum_detectable_effect(result.stderr) if result.stderr else None,
    )


def without_difference(row: Row, n: int) -> Row:
    """Bound the difference when no document's score changed and all scores lie between 0 and 1.

    Args:
        row: The row.
        n: Number of documents, or of their clusters.

    Returns:
        The row with the bounds of 0/1 scores, which are the widest.
    """
    return replace(
        row,
        interval=proportion_interval(0, 0, n),
        minimum_detectable_effect=minimum_detectable_effect(proportion_stderr(0, 0, n)),
    )


def _as_ratio(row: Row) -> Row:
    """Convert differences of log-likelihoods to ratios of perplexities."""
    bounds = row.interval
    effect = row.minimum_detectable_effect
    try:
        return replace(
            row,
            interval=(exp(-bounds[1]), exp(-bounds[0])) if bounds else None,
            minimum_detectable_effect=exp(effect) if effect is not None else None,
        )
    except OverflowError:
        return replace(row, interval=None, minimum_detectable_effect=None)


def _scale(score: Score, samples: Sequence[Sample]) -> _Scale | None:
    """Find out how a score is computed from its documents' values: their mean, or a perplexity of log-likelihoods.

    Other scores have no paired test, because the mean difference of their values is not the difference of the scores.
    """
    values = [value for sample in samples if (value := sample.number(score.metric)) is not None]
    if score.value is None or not values or score.metric == "bypass":
        return None
    mean = fsum(values) / len(values)
    if isclose(score.value, mean, rel_tol=1e-6, abs_tol=1e-9):
        return "difference"
    if -700 < mean <= 0 and isclose(score.value, exp(-mean), rel_tol=1e-6):
        return "ratio"
    return None


def _why_not(metric: str, *runs: Sequence[Sample]) -> str:
    if any(all(sample.number(metric) is None for sample in samples) for samples in runs):
        return "documents have no value of their own"
    return "the score is not the mean of its documents' values"


def _clusters(pairs: Sequence[_Pair]) -> list[_Cluster] | None:
    """Return the cluster of each document; None when no two documents share one."""
    names = [b.cluster if a.cluster is None else a.cluster for a, b, _, _ in pairs]
    clusters: list[_Cluster] = [
        ("doc", index) if name is None else ("cluster", name) for index, name in enumerate(names)
    ]
    return clusters if len(set(clusters)) < len(clusters) else None


def _flips(row: Row, pairs: Sequence[_Pair], sign: int) -> tuple[Flip, ...]:
    changed = [pair for pair in pairs if pair[2] != pair[3]]
    if any(value not in (0, 1) for pair in changed for value in pair[2:]):
        changed = sorted(changed, key=lambda pair: -abs(pair[3] - pair[2]))[:_MAX_FLIPS]
    return tuple(
        Flip(
            doc_id=a.doc_id,
            a=x,
            b=y,
            better=None if row.higher_is_better is None else sign * (y - x) > 0,
            target=target_of(a),
            answer_a=answer_of(a, row.metric),
            answer_b=answer_of(b, row.metric),
        )
        for a, b, x, y in changed
    )
