"""Computes the scores of a group from the scores of its tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from numbers import Real

from lm_eval.api.result_keys import NOT_AVAILABLE, score_key, score_keys, stderr_key
from lm_eval.config.group import AggMetricConfig
from lm_eval.statistics.aggregations import aggregate_subtask_metrics
from lm_eval.statistics.stderr import pooled_sample_stderr, unweighted_mean_stderr
from lm_eval.text import first_names

__all__ = ["TaskMetrics", "aggregate_scores"]

eval_logger = logging.getLogger("lm_eval")

TaskMetrics = Mapping[str, object]
"""A task's row of the results: ``"metric,filter"``, ``"metric_stderr,filter"``, ``"sample_len"``, …"""


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
    notes: list[str] = []
    for config in metrics:
        if callable(config.aggregation):
            eval_logger.warning(
                "Group %r: the aggregation of metric %r is a function; groups take the mean.", group, config.metric
            )
        if rows and not any(key in row for row in rows.values() for key in _possible_keys(config, rows)):
            notes.append(_of_no_task(config, rows))
            eval_logger.warning("Group %r: %s.", group, notes[-1])
            continue
        for pipeline in _pipelines_of(config.metric, rows) if config.filter_list is None else config.filter_list:
            key, error_key = score_key(config.metric, pipeline), stderr_key(config.metric, pipeline)
            reporting = [row for row in rows.values() if key in row]
            if len(reporting) < len(rows):
                _warn_of_tasks_without(key, group, rows)
            if not reporting:
                continue
            sizes = [_size(row, key) for row in reporting]
            counts[key] = sum(sizes)
            scores[key] = _mean([row[key] for row in reporting], sizes, config.weight_by_size)
            scores[error_key] = _stderr([row.get(error_key) for row in reporting], sizes, config.weight_by_size)
    if counts:
        scores["sample_count"] = counts
    if notes:
        scores["notes"] = notes
    return scores


def _possible_keys(config: AggMetricConfig, rows: Mapping[str, TaskMetrics]) -> list[str]:
    pipelines = config.filter_list
    return [score_key(config.metric, name) for name in pipelines or _pipelines_of(config.metric, rows)]


def _of_no_task(config: AggMetricConfig, rows: Mapping[str, TaskMetrics]) -> str:
    """Say that no task reports a metric, and what the tasks report."""
    reported = dict.fromkeys(key for row in rows.values() for key, *_ in score_keys(row))
    wanted = ", ".join(dict.fromkeys(_possible_keys(config, rows))) or config.metric
    return f"none of its tasks reports {wanted}, which it aggregates; they report {first_names(reported)}"


def _pipelines_of(metric: str, rows: Mapping[str, TaskMetrics]) -> list[str]:
    """Return the filter pipelines under which tasks report a metric, in the order of their first occurrence."""
    found = (pipeline for row in rows.values() for _, name, pipeline in score_keys(row) if name == metric)
    return list(dict.fromkeys(found))


def _warn_of_tasks_without(key: str, group: str, rows: Mapping[str, TaskMetrics]) -> None:
    names = [name for name, row in rows.items() if key not in row]
    shown = first_names(names)
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


def _mean(values: Sequence[object], sizes: Sequence[int], by_size: bool) -> float | str:
    scores = _numbers(values)
    if scores is None or (by_size and not sum(sizes)):
        return NOT_AVAILABLE
    return aggregate_subtask_metrics(scores, sizes, by_size)


def _stderr(values: Sequence[object], sizes: Sequence[int], by_size: bool) -> float | str:
    errors = _numbers(values)
    if errors is None or (by_size and sum(sizes) <= len(sizes)):
        return NOT_AVAILABLE
    return pooled_sample_stderr(errors, sizes) if by_size else unweighted_mean_stderr(errors)
