"""Aggregate a run: from per-document values to the scores of tasks, then of groups, bottom up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.not_computed import NotComputed
from lm_eval.api.result_keys import NOT_AVAILABLE, score_key, stderr_key
from lm_eval.errors import LMEvalError, ScoringTimeout
from lm_eval.results.json_values import as_count
from lm_eval.results.messages import messages_of
from lm_eval.results.per_doc import MetricAndFilter, TaskOutput
from lm_eval.results.run import Results
from lm_eval.results.uncertainty import Row, group_statistics, task_statistics

if TYPE_CHECKING:
    from lm_eval.api.group import Group

__all__ = ["TaskOutput", "collect", "count_errors", "incomplete", "task_scores"]

eval_logger = logging.getLogger("lm_eval")

Aggregation = Callable[[Sequence[Any]], object]

_MAX_CORPUS_ITERS = 100
"""Maximum number of resamples of a corpus score (BLEU, chrF, TER), which is slow to compute."""


def collect(
    per_task: Mapping[str, TaskOutput], groups: Mapping[str, Group], *, bootstrap_iters: int = 100_000
) -> dict[str, Any]:
    """Aggregate a run.

    Args:
        per_task: Task name to its output.
        groups: The groups of the run; groups within them need not be listed.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; 0 computes no standard errors.

    Returns:
        ``results``, ``groups`` (when a group has scores), ``group_subtasks``, ``configs``, ``versions``, ``n-shot``,
        ``higher_is_better``, ``n-samples``, ``statistics``, ``missing``, ``not_computed`` and ``notes`` (where there
        are some), as described in ``docs/results.md``.
    """
    tasks = {name: task_scores(output, bootstrap_iters=bootstrap_iters) for name, output in per_task.items()}
    top_down = _all_groups(groups.values())
    # Rows of groups within a group come first, as in the order they are computed.
    group_rows = {group.name: _group_row(group, tasks) for group in reversed(top_down.values())}
    shots = {name: output.num_fewshot for name, output in per_task.items()}
    better = {name: _directions(output) for name, output in per_task.items()}
    versions: dict[str, object] = {name: output.task.VERSION for name, output in per_task.items()}
    for name, group in top_down.items():
        members = [task.task_name for task in group.get_all_tasks() if task.task_name in per_task]
        versions[name] = group.version
        better[name] = _merged_directions(name, [better[member] for member in members])
        if len(distinct := {shots[member] for member in members}) == 1:
            shots[name] = distinct.pop()
    # Not in the rows: programs that read results take what they do not know there for scores.
    notes: dict[str, object] = {name: list(output.notes) for name, output in per_task.items() if output.notes}
    notes |= {name: row.pop("notes") for name, row in group_rows.items() if "notes" in row}
    missing = {name: row.pop("missing") for name, row in tasks.items() if "missing" in row}
    lacking = {name: row.pop("not_computed") for name, row in tasks.items() if "not_computed" in row}
    scored = {name: row for name, row in group_rows.items() if top_down[name].has_aggregation}
    statistics = {name: task_statistics(per_task[name], row, bootstrap_iters) for name, row in tasks.items()}
    of_groups = {name: group_statistics(top_down[name], row, tasks, statistics) for name, row in scored.items()}
    return {
        "results": {**tasks, **group_rows},
        **({"groups": scored} if scored else {}),
        "group_subtasks": {name: list(group.child_names) for name, group in top_down.items()},
        "configs": {name: per_task[name].task.dump_config() for name in sorted(per_task)},
        "versions": dict(sorted(versions.items())),
        "n-shot": dict(sorted(shots.items())),
        "higher_is_better": dict(sorted(better.items())),
        "n-samples": {
            name: {"original": output.n_original, "effective": output.n_effective} for name, output in per_task.items()
        },
        "statistics": {
            name: {key: entry.as_dict() for key, entry in entries.items()}
            for name, entries in {**statistics, **of_groups}.items()
            if entries
        },
        **({"missing": missing} if missing else {}),
        **({"not_computed": lacking} if lacking else {}),
        **({"notes": notes} if notes else {}),
    }


def task_scores(output: TaskOutput, *, bootstrap_iters: int = 100_000) -> dict[str, Any]:
    """Compute a task's row of the results.

    Scores are over the documents that were answered. A score that cannot be computed, for lack of answers or because
    the code of the task fails, is ``"N/A"``: the other scores and the samples are kept, because their answers are paid
    for.

    Args:
        output: The task's output.
        bootstrap_iters: Number of resamples for bootstrapped standard errors; 0 computes no standard errors.

    Returns:
        ``name``, ``alias``, ``sample_len``, ``"metric,filter"``, ``"metric_stderr,filter"``, and ``n_errors``,
        ``errors``, ``error_messages``, ``outcomes``, ``failed``, ``not_computed`` and ``missing`` where they are not
        empty.
    """
    task, name = output.task, str(output.task.task_name)
    row: dict[str, object] = {
        "name": name,
        "alias": task.get_config("task_alias") or name,
        "sample_len": output.n_effective,
    }
    aggregations = _aggregations(output)
    failed: dict[str, str] = {}
    not_computed: dict[str, str] = {}
    missing: dict[str, int] = {}

    def fail(key: str, reason: str) -> None:
        failed[key] = reason
        eval_logger.error("Task %s: %s cannot be computed: %s", name, key, reason)

    def lack(key: str, reason: str) -> None:
        not_computed[key] = reason
        eval_logger.warning("Task %s: %s is not computed: %s", name, key, reason)

    for named, values in _with_unanswered(output, aggregations).items():
        key, error_key = score_key(*named), stderr_key(*named)
        aggregation = aggregations.get(named[0])
        if aggregation is None:
            aggregation = aggregations[named[0]] = _default_aggregation(name, named[0])
        row[key] = row[error_key] = NOT_AVAILABLE
        if not values:
            if reason := output.failure or ("no document has a value" if output.n_effective else ""):
                fail(key, reason)
            continue
        if len(values) < output.n_effective:
            missing[key] = output.n_effective - len(values)
        try:
            score = aggregation(values)
        except (Exception, SystemExit, ScoringTimeout) as error:
            fail(key, str(error) if isinstance(error, LMEvalError) else f"{type(error).__name__}: {error}")
            continue
        if isinstance(score, NotComputed):
            lack(key, score.reason)
            continue
        row[key] = _plain(score)
        row[error_key] = _stderr(f"Task {name}: {key}", aggregation, values, bootstrap_iters)
    for named, reason in output.failed.items():
        row[score_key(*named)] = row[stderr_key(*named)] = NOT_AVAILABLE
        fail(score_key(*named), reason)
    for named, reason in output.not_computed.items():
        row[score_key(*named)] = row[stderr_key(*named)] = NOT_AVAILABLE
        lack(score_key(*named), reason)
    if output.failure and not failed:
        fail("score", output.failure)
    return row | _beyond_scores(output, failed, missing, not_computed)


def _beyond_scores(
    output: TaskOutput, failed: Mapping[str, str], missing: Mapping[str, int], not_computed: Mapping[str, str]
) -> dict[str, object]:
    """Return what a task's row has in addition to scores, where there is something to say."""
    found: dict[str, object] = {
        "n_errors": sum(output.errors.values()),
        "errors": dict(output.errors),
        "error_messages": output.messages,
        "outcomes": dict(output.outcomes),
        "failed": failed,
        "not_computed": not_computed,
        "missing": missing,
    }
    return {key: value for key, value in found.items() if value}


def count_errors(results: Mapping[str, Any], allowed: int | float) -> dict[str, object]:
    """Sum lost documents over tasks and compare them with the maximum allowed.

    Args:
        results: The result dict of a run.
        allowed: Maximum number of documents that may be lost, or a fraction of all documents when below 1.

    Returns:
        ``lost`` in all, ``tasks`` to the lost documents of each, ``unjudged``, if requests to a judge were lost,
        ``allowed``, and whether that is ``exceeded``.
    """
    run = Results(results)
    lost = {
        name: member.lost for name, member in run.members.items() if member.lost and name not in run.section("groups")
    }
    total = sum(lost.values())
    docs = total + sum(as_count(run.at("n-samples", name, "effective")) for name in run.section("n-samples"))
    bound = allowed * docs if 0 < allowed < 1 else allowed
    unjudged = sum(as_count(run.at("judging", name, "judge_failed")) for name in run.section("judging"))
    if unjudged:
        eval_logger.error("%d of %d documents have no verdict, because the judge was not reached.", unjudged, docs)
    if total:
        eval_logger.error("%d of %d documents were lost to errors: %s", total, docs, lost)
        for line in messages_of(run.members[name].messages for name in lost):
            eval_logger.error("  %s", line)
    counted: dict[str, object] = {"lost": total, "tasks": lost}
    if unjudged:
        counted["unjudged"] = unjudged
    return {**counted, "allowed": allowed, "exceeded": total + unjudged > bound}


def incomplete(results: Mapping[str, Any]) -> bool:
    """Whether a run lacks something: too many documents, a task that was refused, or a score that failed.

    Args:
        results: The result dict of a run, with ``errors``.
    """
    run = Results(results)
    return bool(run.at("errors", "exceeded") or run.refused or run.failed)


def _aggregations(output: TaskOutput) -> dict[str, Aggregation]:
    """Return the aggregation of each metric; if the task's code fails, none, and the task has no scores."""
    try:
        return dict(output.task.aggregation())
    except (Exception, SystemExit) as error:
        output.failure = output.failure or f"aggregation() failed: {type(error).__name__}: {error}"
        output.metrics.clear()
        return {}


def _directions(output: TaskOutput) -> dict[str, bool | None]:
    """Return which way each metric is better; nothing if the task's code fails, which changes no score."""
    try:
        return dict(output.task.higher_is_better())
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        eval_logger.error("Task %s: higher_is_better() failed: %s", output.task.task_name, what)
        return {}


def _with_unanswered(
    output: TaskOutput, aggregations: Mapping[str, Aggregation]
) -> Mapping[MetricAndFilter, Sequence[Any]]:
    """Add the scores that a task without a single value would have, with no values."""
    if output.metrics or output.failed or output.not_computed:
        return output.metrics
    pipelines = [pipeline.name for pipeline in getattr(output.task, "filters", ())] or ["none"]
    return {(metric, pipeline): [] for metric in aggregations for pipeline in pipelines}


def _default_aggregation(task: str, metric: str) -> Aggregation:
    from lm_eval.api.metrics import mean

    eval_logger.warning("Task %s: metric %s names no aggregation; its values are averaged.", task, metric)
    return mean


def _stderr(what: str, aggregation: Aggregation, values: Sequence[Any], bootstrap_iters: int) -> object:
    from lm_eval.api.metrics import bleu, chrf, chrfpp, stderr_for_metric, ter

    if len(values) < 2:
        return NOT_AVAILABLE
    if aggregation in (bleu, chrf, chrfpp, ter):
        bootstrap_iters = min(bootstrap_iters, _MAX_CORPUS_ITERS)
    stderr = stderr_for_metric(aggregation, bootstrap_iters)
    if stderr is None:
        return NOT_AVAILABLE
    try:
        return _plain(stderr(values))
    except Exception as error:
        eval_logger.warning("%s has no standard error: %s: %s", what, type(error).__name__, error)
        return NOT_AVAILABLE


def _plain(value: Any) -> object:
    """Turn numpy scalars into Python numbers; None into ``"N/A"``."""
    if value is None:
        return NOT_AVAILABLE
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _all_groups(groups: Iterable[Group]) -> dict[str, Group]:
    """List groups and the groups within them, each before its members."""

    def walk(group: Group) -> Iterator[Group]:
        yield group
        yield from group.get_all_groups()

    inner = {within.name for group in groups for within in group.get_all_groups()}
    roots = [group for group in groups if group.name not in inner]
    return {group.name: group for root in roots for group in walk(root)}


def _group_row(group: Group, tasks: Mapping[str, Row]) -> dict[str, object]:
    row: dict[str, object] = dict(group.aggregate(tasks))
    members = [tasks[task.task_name] for task in group.get_all_tasks() if task.task_name in tasks]
    if group.has_aggregation and (lost := sum(as_count(member.get("n_errors")) for member in members)):
        row["n_errors"] = lost
    return row


def _merged_directions(group: str, members: Iterable[Mapping[str, bool | None]]) -> dict[str, bool | None]:
    """Unite which way metrics are better; None where the tasks of a group disagree."""
    merged: dict[str, bool | None] = {}
    for member in members:
        for metric, direction in member.items():
            if merged.setdefault(metric, direction) is not direction and merged[metric] is not None:
                eval_logger.warning("Group %s: its tasks disagree on which way %s is better.", group, metric)
                merged[metric] = None
    return merged
