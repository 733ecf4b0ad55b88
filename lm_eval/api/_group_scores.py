"""One score of a group from the scores of its tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from lm_eval.config.group import AggMetricConfig

__all__ = ["NOT_AVAILABLE", "TaskMetrics", "aggregate_scores", "pipelines_of"]

eval_logger = logging.getLogger("lm_eval")

TaskMetrics = Mapping[str, Any]
"""A task's row of the results: ``"metric,filter"``, ``"metric_stderr,filter"``, ``"sample_len"``, …"""
NOT_AVAILABLE = "N/A"


def pipelines_of(metric: str, rows: Mapping[str, TaskMetrics]) -> list[str]:
    """Return the filter pipelines that tasks report a metric for.

    Args:
        metric: The metric's name.
        rows: Task name to row.

    Returns:
        The pipelines, in the order they are met.
    """
    found: dict[str, None] = {}
    for row in rows.values():
        for key in row:
            name, comma, pipeline = key.partition(",")
            if comma and name == metric:
                found[pipeline] = None
    return list(found)


def aggregate_scores(group: str, metrics: Sequence[AggMetricConfig], rows: Mapping[str, TaskMetrics]) -> dict[str, Any]:
    """Aggregate the rows of a group's tasks.

    Args:
        group: The group's name, for messages.
        metrics: What to aggregate.
        rows: Task name to row, of the group's tasks only.

    Returns:
        ``sample_len``, the scores, their standard errors, and ``sample_count``, the docs behind each score.
    """
    scores: dict[str, Any] = {"sample_len": sum(row.get("sample_len", 0) for row in rows.values())}
    counts: dict[str, int] = {}
    for config in metrics:
        if callable(config.aggregation):
            eval_logger.warning(
                "Group %r: the aggregation of metric %r is a function; groups take the mean.", group, config.metric
            )
        for pipeline in config.filter_list if config.filter_list is not None else pipelines_of(config.metric, rows):
            key = f"{config.metric},{pipeline}"
            having = [row for row in rows.values() if key in row]
            _say_lacking(group, key, rows)
            if not having:
                continue
            sizes = [_size(row, key) for row in having]
            weights = sizes if config.weight_by_size else None
            error = f"{config.metric}_stderr,{pipeline}"
            scores[key] = _mean([row[key] for row in having], weights)
            scores[error] = _stderr([row.get(error) for row in having], weights)
            counts[key] = sum(sizes)
    if counts:
        scores["sample_count"] = counts
    return scores


def _say_lacking(group: str, key: str, rows: Mapping[str, TaskMetrics]) -> None:
    lacking = [name for name, row in rows.items() if key not in row]
    if lacking:
        shown = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
        eval_logger.warning("Group %r: %d of %d tasks do not report %r: %s", group, len(lacking), len(rows), key, shown)


def _size(row: TaskMetrics, key: str) -> int:
    """Return the docs behind a score: those answered where that is known, else the task's docs."""
    counts = row.get("sample_count")
    size = counts.get(key) if isinstance(counts, Mapping) else None
    return int(row.get("sample_len", 0) if size is None else size)


def _mean(values: Sequence[Any], sizes: Sequence[int] | None) -> Any:
    if any(isinstance(value, str) for value in values):
        return NOT_AVAILABLE
    if sizes is None:
        return sum(values) / len(values)
    total = sum(sizes)
    return sum(value * size for value, size in zip(values, sizes, strict=True)) / total if total else NOT_AVAILABLE


def _stderr(errors: Sequence[Any], sizes: Sequence[int] | None) -> Any:
    """Return the pooled standard error of a weighted mean, or that of a plain mean when there are no sizes."""
    if any(error is None or isinstance(error, str) for error in errors):
        return NOT_AVAILABLE
    if sizes is None:
        return sqrt(sum(error**2 for error in errors)) / len(errors)
    total = sum(sizes)
    if total <= len(sizes):
        return NOT_AVAILABLE
    spread = sum((size - 1) * size * error**2 for size, error in zip(sizes, errors, strict=True))
    return sqrt(spread / (total - len(sizes)) / total)
