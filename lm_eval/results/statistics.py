"""How sure each score of a run is: its interval, the docs behind it, and what clusters and repeats do to it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval.results._linear import Linear, linear
from lm_eval.statistics.clustered import clustered
from lm_eval.statistics.intervals import LEVEL, Interval, bootstrap_interval, interval_of, t_interval, wilson
from lm_eval.statistics.repeats import repeats_share

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.results.collect import TaskOutput

__all__ = ["group_statistics", "task_statistics"]

eval_logger = logging.getLogger("lm_eval")

Row = Mapping[str, Any]
Aggregation = Callable[..., Any]

_MOST_RESAMPLES = 10_000
"""Percentiles at the 95 % level need no more."""


def task_statistics(output: TaskOutput, row: Row, bootstrap_iters: int) -> dict[str, dict[str, Any]]:
    """Say how sure each score of a task is.

    Args:
        output: The task's values.
        row: The task's row of the results.
        bootstrap_iters: Resamples for bootstrapped standard errors; 0 makes no bootstrapped intervals.

    Returns:
        ``"metric,filter"`` to an entry as described in ``lm_eval.results.types.ScoreStatistics``, for each score
        that is a number.
    """
    from lm_eval.api.metrics import bypass_agg, mean

    aggregations = output.task.aggregation()
    lost = sum(output.errors.values())
    entries: dict[str, dict[str, Any]] = {}
    for (metric, pipeline), values in output.metrics.items():
        key, aggregation = f"{metric},{pipeline}", aggregations.get(metric) or mean
        if aggregation is bypass_agg or not values or not _is_number(row.get(key)):
            continue
        entry: dict[str, Any] = {"n": len(values), "lost": lost}
        score = _Score(
            aggregation=aggregation,
            values=values,
            value=row[key],
            stderr=row.get(f"{metric}_stderr,{pipeline}"),
            clusters=output.clusters.get((metric, pipeline)),
            repeats=_repeats_of(output, metric, pipeline),
            iters=min(bootstrap_iters, _MOST_RESAMPLES),
        )
        try:
            entry.update(score.describe(lost))
            if score.repeats is not None and "_mean@" in metric:
                entry.update(_share_of_repeats(score.repeats))
        except Exception as error:
            # A score is kept whatever its values are like.
            eval_logger.warning("%s of %s has no interval: %s: %s", key, row["name"], type(error).__name__, error)
        entries[key] = entry
    return entries


def group_statistics(
    group: Group, row: Row, rows: Mapping[str, Row], entries: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Say how sure each score of a group is.

    Args:
        group: The group.
        row: Its row of the results.
        rows: Task name to its row.
        entries: Task name to what ``task_statistics`` made for it.

    Returns:
        ``"metric,filter"`` to an entry, for each score that is a number.
    """
    members = dict.fromkeys(task.task_name for task in group.get_all_tasks() if task.task_name in rows)
    weighted = {config.metric: config.weight_by_size for config in group.aggregate_metric_list or ()}
    made: dict[str, dict[str, Any]] = {}
    for key, n in (row.get("sample_count") or {}).items():
        if not _is_number(row.get(key)):
            continue
        metric, _, pipeline = key.partition(",")
        having = [name for name in members if key in rows[name]]
        error = f"{metric}_stderr,{pipeline}"
        parts = [_Part.of(rows[name], error, entries.get(name, {}).get(key, {})) for name in having]
        ends = _of_parts(parts, row[key], row.get(error), weighted.get(metric, True))
        made[key] = {
            "n": n,
            "lost": sum(rows[name].get("n_errors", 0) for name in having),
            **({"interval": [ends.low, ends.high], "method": ends.method, "level": LEVEL} if ends else {}),
        }
    return made


@dataclass(frozen=True, slots=True)
class _Part:
    """A task's share in the error of its group."""

    n: int
    stderr: float
    df: float
    clustered: bool
    proportion: bool

    @classmethod
    def of(cls, row: Row, error: str, entry: Mapping[str, Any]) -> _Part | None:
        """Read it off the task's row and entry; None when the task has no standard error that allows for clusters."""
        if not _is_number(row.get(error)):
            return None
        n, clusters = int(row["sample_len"]), entry.get("clusters")
        if clusters is None:
            return cls(n, row[error], n - 1, False, entry.get("method") == "wilson")
        if "stderr_clustered" not in entry:
            return None
        return cls(n, entry["stderr_clustered"], clusters - 1, True, False)


def _of_parts(members: Sequence[_Part | None], value: float, stderr: Any, weighted: bool) -> Interval | None:
    """Make a group's interval, by Student's t.

    The pooled standard error of a weighted mean has as many degrees of freedom as there are docs less tasks; those
    of other standard errors are Satterthwaite's (1946).
    """
    parts = [part for part in members if part is not None]
    if not _is_number(stderr) or not parts or len(parts) < len(members):
        return None
    total = sum(part.n for part in parts)
    proportion = all(part.proportion for part in parts)
    several = any(part.clustered for part in parts)
    shares = [(part.n / total if weighted else 1 / len(parts)) * part.stderr for part in parts]
    if several:
        stderr = math.sqrt(math.fsum(share**2 for share in shares))
    if stderr == 0 or total <= len(parts):
        return Interval(*wilson(value * total, total), "wilson") if proportion else None
    df: float = total - len(parts)
    if several or not weighted:
        terms = [share**4 / part.df for share, part in zip(shares, parts, strict=True) if share]
        df = stderr**4 / math.fsum(terms)
    low, high = t_interval(value, stderr, df)
    if proportion:
        low, high = max(0.0, low), min(1.0, high)
    return Interval(low, high, "clustered t" if several else "t") if math.isfinite(low + high) else None


def _repeats_of(output: TaskOutput, metric: str, pipeline: str) -> list[list[float]] | None:
    """Return the values of the repeats that a combination such as ``exact_match_mean@8`` was made of."""
    base, _, how = metric.rpartition("_")
    repeats = output.repeats.get((base, pipeline))
    ways = {way.name: way for way in output.task.over_repeats.get(base, ())} if repeats else {}
    if repeats is None or how not in ways:
        return None
    return [row[: ways[how].k] for row in repeats] if ways[how].kind == "mean" else repeats


def _share_of_repeats(repeats: list[list[float]]) -> dict[str, float]:
    share = repeats_share(repeats)
    return {} if share is None else {"repeats_share": share}


@dataclass(frozen=True, slots=True)
class _Score:
    """A task's score with all that its statistics are made of."""

    aggregation: Aggregation
    values: Sequence[Any]
    value: float
    stderr: Any
    clusters: Sequence[Any] | None
    repeats: list[list[float]] | None
    iters: int

    def describe(self, lost: int) -> Iterator[tuple[str, Any]]:
        """Give the entries of the score, the interval first."""
        mean = linear(self.aggregation, self.values, self.clusters)
        interval, errors = self._interval(mean)
        share = mean is not None and self._is_share(mean)
        if interval is not None and math.isfinite(interval.low) and math.isfinite(interval.high):
            ends = [interval.low, interval.high]
            yield "interval", [min(1.0, max(0.0, end)) for end in ends] if share else ends
            yield "method", interval.method
            yield "level", LEVEL
        if share and lost and mean is not None and len(mean.values) == len(self.values):
            right, n = math.fsum(mean.values), len(mean.values)
            yield "bounds", [right / (n + lost), (right + lost) / (n + lost)]
        yield from errors

    def _is_share(self, mean: Linear) -> bool:
        """Tell whether the score is a share of docs, or of repeats, that are right."""
        shown = mean.values if self.repeats is None else [value for row in self.repeats for value in row]
        return mean.trials and all(value in (0, 1) for value in shown)

    def _interval(self, mean: Linear | None) -> tuple[Interval | None, list[tuple[str, Any]]]:
        """Make the interval, and with it what is known of clusters."""
        if self.clusters is None:
            if mean is None:
                return self._resampled(), []
            return mean.interval(interval_of(mean.values, trials=mean.trials)), []
        if mean is None or mean.clusters is None or not mean.values:
            return self._resampled(), [("clusters", len(set(self.clusters)))]
        found = clustered(mean.values, mean.clusters, trials=mean.trials)
        errors: list[tuple[str, Any]] = [("clusters", found.clusters)]
        if found.stderr is not None and mean.back is None:
            errors.append(("stderr_clustered", found.stderr))
        if found.effective_n is not None:
            errors.append(("effective_n", found.effective_n))
        return mean.interval(found.interval), errors

    def _resampled(self) -> Interval | None:
        """Bootstrap the score, or go by its bootstrapped standard error where resampling is slow."""
        from lm_eval.api.metrics import median
        from lm_eval.statistics.classification import COUNT_SCORES
        from lm_eval.statistics.resample import count_left_out, count_resamples, median_resamples

        f, xs = self.aggregation, self.values
        if self.iters < 2 or len(xs) < 2:
            return None
        if f in COUNT_SCORES:
            scores, left_out = count_resamples(f, xs, self.iters, self.clusters), count_left_out(f, xs, self.clusters)
            ends = bootstrap_interval(scores, estimate=self.value, jackknife=left_out)
        elif f is median and self.clusters is None:
            ends = bootstrap_interval(median_resamples(xs, self.iters))
        elif self.clusters is None and _is_number(self.stderr):
            low, high = t_interval(self.value, self.stderr, len(xs) - 1)
            return Interval(low, high, "t") if low < high else None
        else:
            return None
        return Interval(*ends, "bootstrap") if ends[0] < ends[1] else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
