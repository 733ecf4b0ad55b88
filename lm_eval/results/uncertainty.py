"""How sure each score of a run is: its interval, the documents behind it, the effects of clusters and repeats."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval.api.result_keys import parse_score_key, score_key, stderr_key
from lm_eval.results.json_values import as_count, as_mapping, as_number
from lm_eval.results.linear import Linear, linear
from lm_eval.statistics.classification import COUNT_SCORES
from lm_eval.statistics.clustered import clustered
from lm_eval.statistics.intervals import LEVEL, Interval, bootstrap_interval, interval_of, t_interval, wilson
from lm_eval.statistics.pairwise import length_controlled_rate, of_items
from lm_eval.statistics.repeats import repeats_share
from lm_eval.statistics.resample import count_left_out, count_resamples, median_resamples

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task
    from lm_eval.results.per_doc import MetricAndFilter, TaskOutput

__all__ = ["Row", "ScoreStatistics", "group_statistics", "task_statistics"]

eval_logger = logging.getLogger("lm_eval")

Row = Mapping[str, object]
"""A task's or group's row of the results."""

_MAX_RESAMPLES = 10_000
"""Percentiles at the 95 % level need no more."""


@dataclass(slots=True)
class ScoreStatistics:
    """How sure a score is; what does not apply is None.

    Attributes:
        n: Number of documents behind the score.
        lost: Number of documents lost to errors.
        interval: The 95 % interval; None when the values allow none.
        bounds: The score if every lost document were wrong, and if every one were right; of 0/1 scores.
        clusters: Number of clusters of documents.
        stderr_clustered: The standard error that allows for clusters.
        effective_n: Number of independent documents with the same standard error.
        repeats_share: The share of the variance that more repeats would remove; of ``mean@k``.
    """

    n: int
    lost: int
    interval: Interval | None = None
    bounds: list[float] | None = None
    clusters: int | None = None
    stderr_clustered: float | None = None
    effective_n: float | None = None
    repeats_share: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the entry of the results: what does not apply is left out."""
        found = self.interval
        entry: dict[str, object] = {
            "n": self.n,
            "lost": self.lost,
            "interval": found and [found.low, found.high],
            "method": found and found.method,
            "level": found and LEVEL,
            "bounds": self.bounds,
            "clusters": self.clusters,
            "stderr_clustered": self.stderr_clustered,
            "effective_n": self.effective_n,
            "repeats_share": self.repeats_share,
        }
        return {key: value for key, value in entry.items() if value is not None}


def task_statistics(output: TaskOutput, row: Row, bootstrap_iters: int) -> dict[str, ScoreStatistics]:
    """Compute how sure each score of a task is.

    Args:
        output: The task's values.
        row: The task's row of the results.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; 0 computes no bootstrapped intervals.

    Returns:
        ``"metric,filter"`` to its statistics, for each score that is a number.
    """
    from lm_eval.api.metrics import bypass_agg, mean

    if output.failure:
        return {}
    aggregations = output.task.aggregation()
    lost = sum(output.errors.values())
    found: dict[str, ScoreStatistics] = {}
    for named, values in output.metrics.items():
        key, aggregation = score_key(*named), aggregations.get(named[0]) or mean
        value = as_number(row.get(key))
        if aggregation is bypass_agg or not values or value is None:
            continue
        score = _ScoreWithValues(
            aggregation=aggregation,
            values=values,
            value=value,
            stderr=as_number(row.get(stderr_key(*named))),
            clusters=output.clusters.get(named),
            repeats=_repeats_of(output, named),
            iters=min(bootstrap_iters, _MAX_RESAMPLES),
        )
        found[key] = statistics = ScoreStatistics(len(values), lost)
        try:
            score.fill(statistics)
            statistics.interval = _within(statistics.interval, _limits(output.task, named[0]))
            if score.repeats is not None and "_mean@" in named[0]:
                statistics.repeats_share = repeats_share(score.repeats)
        except Exception as error:
            # A score is kept whatever its values are like.
            eval_logger.warning("%s of %s has no interval: %s: %s", key, row["name"], type(error).__name__, error)
    return found


def _limits(task: Task, metric: str) -> tuple[float, float] | None:
    """Return the lowest and the highest mean that a judge's metric can have; None where it is not known."""
    scorer = task.scorer
    for item in scorer.metrics if scorer is not None and scorer.only_if is None else ():
        if item.metric == metric and item.aggregation == "mean" and scorer is not None:
            if item.value == "score":
                return scorer.verdict.range
            return (0.0, 1.0) if item.value == "flip" or isinstance(item.value, Mapping) else None
    return None


def _within(interval: Interval | None, limits: tuple[float, float] | None) -> Interval | None:
    if interval is None or limits is None:
        return interval
    low, high = (min(limits[1], max(limits[0], end)) for end in (interval.low, interval.high))
    return Interval(low, high, interval.method)


def group_statistics(
    group: Group, row: Row, rows: Mapping[str, Row], statistics: Mapping[str, Mapping[str, ScoreStatistics]]
) -> dict[str, ScoreStatistics]:
    """Compute how sure each score of a group is.

    Args:
        group: The group.
        row: Its row of the results.
        rows: Task name to its row.
        statistics: Task name to what ``task_statistics`` returned for it.

    Returns:
        ``"metric,filter"`` to its statistics, for each score that is a number.
    """
    members = dict.fromkeys(task.task_name for task in group.get_all_tasks() if task.task_name in rows)
    weighted = {config.metric: config.weight_by_size for config in group.aggregate_metric_list or ()}
    found: dict[str, ScoreStatistics] = {}
    for key, n in as_mapping(row.get("sample_count")).items():
        value, named = as_number(row.get(key)), parse_score_key(key)
        if value is None or named is None:
            continue
        error_key = stderr_key(*named)
        with_score = [name for name in members if key in rows[name]]
        parts = [_Part.of(rows[name], error_key, statistics.get(name, {}).get(key)) for name in with_score]
        stderr = as_number(row.get(error_key))
        found[key] = ScoreStatistics(
            n=as_count(n),
            lost=sum(as_count(rows[name].get("n_errors")) for name in with_score),
            interval=_interval_of_group(parts, value, stderr, weighted.get(named[0], True)),
        )
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """A task's share in the error of its group."""

    n: int
    stderr: float
    df: float
    clustered: bool
    proportion: bool

    @classmethod
    def of(cls, row: Row, error_key: str, statistics: ScoreStatistics | None) -> _Part | None:
        """Take it from the task's row and statistics; None when no standard error allows for the task's clusters."""
        stderr, n = as_number(row.get(error_key)), as_count(row.get("sample_len"))
        if stderr is None:
            return None
        if statistics is None or statistics.clusters is None:
            interval = statistics.interval if statistics is not None else None
            return cls(n, stderr, n - 1, False, interval is not None and interval.method == "wilson")
        if statistics.stderr_clustered is None:
            return None
        return cls(n, statistics.stderr_clustered, statistics.clusters - 1, True, False)


def _interval_of_group(
    members: Sequence[_Part | None], value: float, stderr: float | None, weighted: bool
) -> Interval | None:
    """Compute a group's interval, by Student's t.

    The pooled standard error of a weighted mean has as many degrees of freedom as there are documents minus tasks;
    those of other standard errors are Satterthwaite's (1946).
    """
    parts = [part for part in members if part is not None]
    if stderr is None or not parts or len(parts) < len(members):
        return None
    total = sum(part.n for part in parts)
    proportion = all(part.proportion for part in parts)
    any_clustered = any(part.clustered for part in parts)
    shares = [(part.n / total if weighted else 1 / len(parts)) * part.stderr for part in parts]
    if any_clustered:
        stderr = math.sqrt(math.fsum(share**2 for share in shares))
    if stderr == 0 or total <= len(parts):
        return Interval(*wilson(value * total, total), "wilson") if proportion else None
    df: float = total - len(parts)
    if any_clustered or not weighted:
        terms = [share**4 / part.df for share, part in zip(shares, parts, strict=True) if share]
        df = stderr**4 / math.fsum(terms)
    low, high = t_interval(value, stderr, df)
    if proportion:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, "clustered t" if any_clustered else "t") if math.isfinite(low + high) else None


def _repeats_of(output: TaskOutput, named: MetricAndFilter) -> list[list[float]] | None:
    """Return the values of the repeats behind a combination such as ``exact_match_mean@8``."""
    base, _, how = named[0].rpartition("_")
    repeats = output.repeats.get((base, named[1]))
    ways = {way.name: way for way in output.task.over_repeats.get(base, ())} if repeats else {}
    if repeats is None or how not in ways:
        return None
    return [row[: ways[how].k] for row in repeats] if ways[how].kind == "mean" else repeats


@dataclass(frozen=True, slots=True)
class _ScoreWithValues:
    """A task's score with the values it was computed from."""

    aggregation: Callable[..., object]
    values: Sequence[Any]
    value: float
    stderr: float | None
    clusters: Sequence[Hashable] | None
    repeats: list[list[float]] | None
    iters: int

    def fill(self, statistics: ScoreStatistics) -> None:
        """Set the interval, the bounds and what is known of clusters."""
        mean = linear(self.aggregation, self.values, self.clusters)
        interval = self._interval(mean, statistics)
        is_share = mean is not None and self._is_share(mean)
        if interval is not None and math.isfinite(interval.low) and math.isfinite(interval.high):
            if is_share:
                low, high = (min(1.0, max(0.0, end)) for end in (interval.low, interval.high))
                interval = Interval(low, high, interval.method)
            statistics.interval = interval
        lost = statistics.lost
        if is_share and lost and mean is not None and len(mean.values) == len(self.values):
            right, n = math.fsum(mean.values), len(mean.values)
            statistics.bounds = [right / (n + lost), (right + lost) / (n + lost)]

    def _is_share(self, mean: Linear) -> bool:
        """Return whether the score is a share of documents, or of repeats, that are right."""
        shown = mean.values if self.repeats is None else [value for row in self.repeats for value in row]
        return mean.trials and all(value in (0, 1) for value in shown)

    def _interval(self, mean: Linear | None, statistics: ScoreStatistics) -> Interval | None:
        """Compute the interval, and set what is known of clusters."""
        if self.aggregation is length_controlled_rate and self.clusters is None:
            rate = of_items(self.values)
            return None if rate is None else rate.interval
        if self.clusters is None:
            return self._resampled() if mean is None else mean.interval(interval_of(mean.values, trials=mean.trials))
        if mean is None or mean.clusters is None or not mean.values:
            statistics.clusters = len(set(self.clusters))
            return self._resampled()
        found = clustered(mean.values, mean.clusters, trials=mean.trials)
        statistics.clusters, statistics.effective_n = found.clusters, found.effective_n
        if mean.score_of_mean is None:
            statistics.stderr_clustered = found.stderr
        return mean.interval(found.interval)

    def _resampled(self) -> Interval | None:
        """Bootstrap the score, or use its bootstrapped standard error where resampling is slow."""
        from lm_eval.api.metrics import median

        f, xs = self.aggregation, self.values
        if self.iters < 2 or len(xs) < 2:
            return None
        if f in COUNT_SCORES:
            scores, left_out = count_resamples(f, xs, self.iters, self.clusters), count_left_out(f, xs, self.clusters)
            ends = bootstrap_interval(scores, estimate=self.value, jackknife=left_out)
        elif f is median and self.clusters is None:
            ends = bootstrap_interval(median_resamples(xs, self.iters))
        elif self.clusters is None and self.stderr is not None:
            low, high = t_interval(self.value, self.stderr, len(xs) - 1)
            return Interval(low, high, "t") if low < high else None
        else:
            return None
        return Interval(*ends, "bootstrap") if ends[0] < ends[1] else None
