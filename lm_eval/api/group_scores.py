"""Computes the scores of a group from the scores of its tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from numbers import Real

from lm_eval.api.result_keys import NOT_AVAILABLE, score_key, score_keys, stderr_key
from lm_eval.config.group import AggMetricConfig
from lm_eval.statistics.stderr import pooled_sample_stderr, unweighted_mean_stderr

__all__ = ["TaskMetrics", "aggregate_scores", "pipelines_of"]

eval_logger = logging.getLogger("lm_eval")

TaskMetrics = Mapping[str, object]
"""A task's row of the results: ``"metric,filter"``, ``"metric_stderr,filter"``, ``"sample_len"``, …"""


def pipelines_of(metric: str, rows: Mapping[str, TaskMetrics]) -> list[str]:
    """Return the filter pipelines under which tasks report a metric.

    Args:
        metric: The name of the metric.
        rows: Task name to row.

    Returns:
        The pipelines, in the order of their first occurrence.
    """
    return list(
        dict.fromkeys(pipeline for row in rows.values() for _, name, pipeline in score_keys(row) if name == metric)
    )


def aggregate_scores(
    group: str, metrics: Sequence[AggMetricConfig], rows: Mapping[str, TaskMetrics]
) -> dict[str, object]:
    """Aggregate the rows of a group's tasks.

    Args:
        group: The name of the group, for messages.
        metrics: What to aggregate.
        rows: Task name to row, of the group's tasks only.

    Returns:
        ``sample_len``, the scores, their standard errors, and ``sample_count``: the number of documents of each score.
    """
    scores: dict[str, object] = {"sample_len": sum(_count(row.get("sample_len")) for row in rows.values())}
    counts: dict[str, int] = {}
    for config in metrics:
        if callable(config.aggregation):
            eval_logger.warning(
                "Group %r: the aggregation of metric %r is a function; groups take the mean.", group, config.metric
            )
        for pipeline in pipelines_of(config.metric, rows) if config.filter_list is None else config.filter_list:
            key, error_key = score_key(config.metric, pipeline), stderr_key(config.metric, pipeline)
            reporting = [row for row in rows.values() if key in row]
            if len(reporting) < len(rows):
                _warn_of_tasks_without(key, group, rows)
            if not reporting:
                continue
            sizes = [_size(row, key) for row in reporting]
            counts[key] = sum(sizes)
            scores[key] = _mean([row[key] for row in reporting], sizes if config.weight_by_size else None)
            errors = [row.get(error_key) for row in reporting]
            scores[error_key] = _stderr(errors, sizes if config.weight_by_size else None)
    if counts:
        scores["sample_count"] = counts
    return scores


def _warn_of_tasks_without(key: str, group: str, rows: Mapping[str, TaskMetrics]) -> None:
    names = [name for name, row in rows.items() if key not in row]
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    eval_logger.warning("Group %r: %d of %d tasks do not report %r: %s", group, len(names), len(rows), key, shown)


def _count(value: object) -> int:
    return int(float(value)) if isinstance(value, Real) else 0


def _size(row: TaskMetrics, key: str) -> int:
    """Return the number of documents of a score; if the row has no such number, that of the task."""
    counts = row.get("sample_count")
    size = counts.get(key) if isinstance(counts, Mapping) else None
    return _count(row.get("sample_len") if size is None else size)


def _numbers(values: Sequence[object]) -> list[float] | None:
    """Return the values as numbers, or None if any of them is missing."""
    numbers = [float(value) for value in values if isinstance(value, Real)]
    return numbers if len(numbers) == len(values) else None


def _mean(values: Sequence[object], sizes: Sequence[int] | None) -> float | str:
    """Return the mean of scores, weighted by size if there are sizes."""
    scores = _numbers(values)
    weights = [1] * len(values) if sizes is None else sizes
    if scores is None or not sum(weights):
        return NOT_AVAILABLE
    return sum(score * weight for score, weight in zip(scores, weights, strict=True)) / sum(weights)


def _stderr(values: Sequence[object], sizes: Sequence[int] | None) -> float | str:
    """Return the pooled standard error of a weighted mean, or that of a plain mean if there are no sizes."""
    errors = _numbers(values)
    if errors is None:
        return NOT_AVAILABLE
    if sizes is None:
        return unweighted_mean_stderr(errors)
    return pooled_sample_stderr(errors, sizes) if sum(sizes) > len(sizes) else NOT_AVAILABLE
