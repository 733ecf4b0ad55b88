"""From the values of documents to results, for code that collects these values itself.

A run of this package does it in ``lm_eval.results``, which also computes intervals. What is here has the names of the
reference harness.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypedDict

from lm_eval.api.group import Group
from lm_eval.api.metrics import mean, stderr_for_metric
from lm_eval.api.task import Task
from lm_eval.errors import ConfigError
from lm_eval.result_schema import EvalResults, SampleCount, TaskMetrics

__all__ = ["EvalAcc", "ResultAcc", "aggregate_groups", "get_sample_size", "print_writeout", "run_task_tests"]

eval_logger = logging.getLogger("lm_eval")

_SLOW = ("bleu", "chrf", "chrf++", "ter")
_MAX_SLOW_ITERS = 100


class ResultAcc(TypedDict):
    """What is collected for a task.

    Attributes:
        task: The task.
        raw_metrics: Metric and filter to the values of the documents.
        logged_samples: One record per document and filter.
    """

    task: Task
    raw_metrics: dict[tuple[str, str], list[Any]]
    logged_samples: list[Any]


@dataclass
class EvalAcc:
    """Results while they are put together; each mapping is from the name of a task or group.

    Attributes:
        metrics: The scores.
        configs: The configs of the tasks.
        versions: The versions.
        num_fewshot: The numbers of few-shot examples.
        higher_is_better: Metric to which way is better.
        samples: The records of the documents.
        n_samples: The numbers of documents.
        groups: The groups.
    """

    metrics: dict[str, TaskMetrics] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    num_fewshot: dict[str, int] = field(default_factory=dict)
    higher_is_better: dict[str, dict[str, bool | None]] = field(default_factory=dict)
    samples: dict[str, list[Any]] = field(default_factory=dict)
    n_samples: dict[str, SampleCount] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def collect(self) -> tuple[dict[str, TaskMetrics], dict[str, TaskMetrics]]:
        """Return copies of the scores of all tasks and groups, and of those of groups that have scores of their own."""
        scored = [name for name in self.metrics if name in self.groups and self.groups[name].has_aggregation]
        return {name: dict(row) for name, row in self.metrics.items()}, {
            name: dict(self.metrics[name]) for name in scored
        }

    def _to_eval_results(self, *, samples: Mapping[str, list[Any]] | None = None) -> EvalResults:
        """Return the results as ``simple_evaluate`` does, without what is known of the run."""
        of_all, of_groups = self.collect()
        groups = list(self.groups.values())
        better, shots = dict(self.higher_is_better), dict(self.num_fewshot)
        _propagate_higher_is_better(groups, better)
        for group in groups:
            inside = {shots[name] for name in group.child_names if name in shots}
            if len(inside) == 1:
                shots[group.name] = inside.pop()
        found: EvalResults = {
            "results": of_all,
            "group_subtasks": {group.name: group.child_names for group in groups},
            "configs": dict(sorted(self.configs.items())),
            "versions": dict(sorted(self.versions.items())),
            "n-shot": dict(sorted(shots.items())),
            "higher_is_better": dict(sorted(better.items())),
            "n-samples": dict(self.n_samples),
        }
        if of_groups:
            found["groups"] = of_groups
        if samples is not None:
            found["samples"] = dict(samples)
        return found


def print_writeout(task: Task) -> None:
    """Log the first prompt of a task, and its target.

    Args:
        task: The task, with its Instances.
    """
    for instance in task.instances:
        if instance.doc_id is not None and instance.doc_id < 1:
            target = task.doc_to_target(instance.doc)
            eval_logger.info("Task %s, document %s, prompt:\n%s", task, instance.doc_id, instance.args[0])
            eval_logger.info("Target: %s\nRequest: %s", target, instance)
            return


def get_sample_size(task: Task, limit: int | float | None) -> int | None:
    """Turn a limit into a number of documents.

    Args:
        task: The task.
        limit: The number, a fraction of the task's documents below 1, or None for no limit.

    Returns:
        The number, rounded up; None for no limit.
    """
    if limit is None:
        return None
    return math.ceil(len(task.eval_docs) * limit) if limit < 1 else int(limit)


def run_task_tests(task_list: Sequence[str]) -> None:
    """Check the files of tasks, as ``lm_eval validate`` does.

    Args:
        task_list: The names of the tasks.

    Raises:
        ValueError: A task does not exist, or its file has an error.
    """
    # Both are in higher layers.
    manager: Any = import_module("lm_eval.task_files.manager").TaskManager()
    problems: list[object] = import_module("lm_eval.task_files.validate").validate(manager, task_list)
    if problems:
        raise ConfigError(" ".join(map(str, problems)))


def aggregate_groups(results: EvalAcc) -> EvalAcc:
    """Add the scores of groups, each after those of its inner groups.

    Args:
        results: The results of the tasks, with the groups.

    Returns:
        The same object.
    """
    for group in _collect_groups_bottom_up(results.groups):
        results.metrics[group.name] = group.aggregate(results.metrics)
        results.versions[group.name] = group.version
    return results


def _process_results(
    eval_results_acc: Mapping[str, ResultAcc],
    groups: dict[str, Group] | None = None,
    bootstrap_iters: int | None = 100_000,
) -> EvalAcc:
    """Compute the scores of tasks and groups."""
    return aggregate_groups(_collect_results(eval_results_acc, groups, bootstrap_iters))


def _collect_results(
    eval_results_acc: Mapping[str, ResultAcc],
    groups: dict[str, Group] | None = None,
    bootstrap_iters: int | None = 100_000,
) -> EvalAcc:
    """Compute the scores of tasks."""
    results = EvalAcc(groups=groups or {})
    for name, collected in eval_results_acc.items():
        task = collected["task"]
        config = dict(task.dump_config())
        scores, count = _compute_task_aggregations(task, collected["raw_metrics"], bootstrap_iters)
        alias = config.get("task_alias", name)
        results.metrics[name] = {"name": name, "alias": alias, "sample_len": count, **scores}
        results.configs[name] = config
        results.versions[name] = task.VERSION
        results.num_fewshot[name] = config.get("num_fewshot", 0)
        results.higher_is_better[name] = dict(task.higher_is_better())
        results.samples[name] = collected["logged_samples"]
        results.n_samples[name] = {"original": len(task.eval_docs), "effective": count}
    return results


def _compute_task_aggregations(
    task: Task, raw_metrics: Mapping[tuple[str, str], Sequence[Any]], bootstrap_iters: int | None = 100_000
) -> tuple[dict[str, Any], int]:
    """Return the scores of a task with their standard errors, and its number of documents."""
    aggregations = task.aggregation()
    scores: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for (metric, pipeline), values in raw_metrics.items():
        if metric not in aggregations:
            eval_logger.warning("Task %s has no aggregation for %r; the mean is taken.", task.task_name, metric)
        aggregation = aggregations.get(metric, mean)
        scores[f"{metric},{pipeline}"] = aggregation(values)
        scores[f"{metric}_stderr,{pipeline}"] = _stderr(metric, aggregation, values, bootstrap_iters)
        counts[f"{metric},{pipeline}"] = len(values)
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{key}={count}" for key, count in sorted(counts.items()))
        eval_logger.warning(
            "Task %s: its metrics were not scored on the same number of documents (%s); %d is reported as its "
            "number of documents. Groups weight all its metrics by it, so that a metric with fewer is over-weighted.",
            task.task_name,
            listed,
            max(counts.values()),
        )
    return scores, max(counts.values(), default=0)


def _stderr(
    metric: str, aggregation: Callable[[Any], Any], values: Sequence[Any], bootstrap_iters: int | None
) -> float | str:
    if not bootstrap_iters or len(values) < 2:
        return "N/A"
    iters = min(bootstrap_iters, _MAX_SLOW_ITERS) if metric in _SLOW else bootstrap_iters
    compute = stderr_for_metric(aggregation, iters)
    found = compute(values) if compute is not None else None
    return "N/A" if found is None else found


def _get_root_groups(groups: Mapping[str, Group]) -> list[Group]:
    """Return the groups that no other group holds."""
    held = {inner.name for group in groups.values() for inner in group.get_all_groups(recursive=False)}
    return [group for name, group in groups.items() if name not in held]


def _collect_groups_bottom_up(groups: Mapping[str, Group]) -> list[Group]:
    """Return all groups, each once and after its inner groups."""
    found = {group.name: group for root in _get_root_groups(groups) for group in _inner_first(root)}
    return list(found.values())


def _inner_first(group: Group) -> Iterator[Group]:
    for child in group:
        if isinstance(child, Group):
            yield from _inner_first(child)
    yield group


def _propagate_higher_is_better(
    all_groups: Sequence[Group], higher_is_better: dict[str, dict[str, bool | None]]
) -> None:
    """Add to each group which way is better for its metrics; None where its members do not agree."""
    for group in all_groups:
        of_group: dict[str, bool | None] = {}
        for name in group.child_names:
            for metric, better in higher_is_better.get(name, {}).items():
                known = of_group.setdefault(metric, better)
                if known is not None and known != better:
                    eval_logger.warning(
                        "Group %s: its members are not consistent in whether a higher %s is better.", group.name, metric
                    )
                    of_group[metric] = None
        if of_group:
            higher_is_better[group.name] = of_group
