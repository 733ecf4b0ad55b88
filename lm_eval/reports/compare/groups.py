"""Compare each score of a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isclose

from lm_eval.reports.compare.rows import TestedRow, bootstrap_row, mcnemar_row, untested_row, without_difference
from lm_eval.reports.compare.types import Row
from lm_eval.results import Run, Score
from lm_eval.statistics.paired import stratified_bootstrap

__all__ = ["group_rows"]

_FEW = 20
"""Below this number of changed documents, many resamples would contain none of them; McNemar's test is used instead."""


def group_rows(run_a: Run, run_b: Run, names: Iterable[str], tested: Sequence[TestedRow]) -> Iterator[Row]:
    """Compare the scores of groups.

    Documents are drawn within their task. Each task gets the weight it has in the group's score. The score itself shows
    which: it must be the mean of the tasks' scores, either weighted by their numbers of documents or unweighted.

    Args:
        run_a: The run to compare with.
        run_b: The run that is compared.
        names: The groups.
        tested: The rows of tasks.

    Yields:
        One row per score that both runs have.
    """
    shown, sizes_a, sizes_b = set(names), _sizes(run_a), _sizes(run_b)
    by_key = {(row.task, row.metric, row.filter): (row, stratum) for row, stratum in tested}
    others = {(score.task, score.key): score for score in run_b.scores if score.is_group}
    for score in run_a.scores:
        other = others.get((score.task, score.key))
        if not score.is_group or score.task not in shown or other is None:
            continue
        tasks = run_a.leaves(score.task)
        # A task that lacks the metric is not in the group's score.
        members = [by_key[key] for task in tasks if (key := (task, score.metric, score.filter)) in by_key]
        same_tasks = set(tasks) == set(run_b.leaves(score.task))
        yield _group_row(score, other, members, sizes_a, sizes_b, same_tasks)


def _sizes(run: Run) -> Mapping[tuple[str, str], int]:
    return {(score.task, score.key): score.n or 0 for score in run.scores}


def _group_row(
    score_a: Score,
    score_b: Score,
    members: Sequence[TestedRow],
    sizes_a: Mapping[tuple[str, str], int],
    sizes_b: Mapping[tuple[str, str], int],
    same_tasks: bool,
) -> Row:
    row = replace(untested_row(score_a, score_b), members=tuple(member.task for member, _ in members))
    if row.reason:
        return row
    if not same_tasks:
        return replace(row, reason="its tasks are not the same in both runs")
    untested = [member.task for member, stratum in members if stratum is None]
    if untested or not members:
        return replace(row, reason=f"no paired test of {', '.join(untested[:3]) or 'its tasks'}")
    rows = [member for member, _ in members]
    values_a, values_b = [member.score_a for member in rows], [member.score_b for member in rows]
    n_a, n_b = ([sizes[member.task, score_a.key] for member in rows] for sizes in (sizes_a, sizes_b))
    equal = [1] * len(rows)
    if _is_mean(score_a, values_a, n_a) and _is_mean(score_b, values_b, n_b):
        counts = [member.n for member in rows]
    elif _is_mean(score_a, values_a, equal) and _is_mean(score_b, values_b, equal):
        counts = equal
    else:
        return replace(row, reason="its score is not the mean of its tasks' scores")
    return _tested(row, members, [count / sum(counts) for count in counts])


def _tested(row: Row, members: Sequence[TestedRow], weights: Sequence[float]) -> Row:
    rows = [member for member, _ in members]
    strata = [
        replace(stratum, weight=weight)
        for (_, stratum), weight in zip(members, weights, strict=True)
        if stratum is not None
    ]
    row = replace(
        row,
        n=sum(member.n for member in rows),
        a=sum(weight * (member.a or 0) for weight, member in zip(weights, rows, strict=True)),
        b=sum(weight * (member.b or 0) for weight, member in zip(weights, rows, strict=True)),
        wins=sum(member.wins for member in rows),
        losses=sum(member.losses for member in rows),
    )
    result = stratified_bootstrap(strata)
    row = replace(row, difference=result.difference)
    sizes = [member.n / weight for weight, member in zip(weights, rows, strict=True)]
    alike = all(member.test == "mcnemar" for member in rows) and isclose(min(sizes), max(sizes))
    if alike and 0 < row.wins + row.losses < _FEW:
        return mcnemar_row(row, [step for stratum in strata for step in stratum.differences])
    if result.stderr is None:
        return replace(row, reason="a task of a single document")
    row = bootstrap_row(row, result, "stratified paired bootstrap")
    if row.wins or row.losses:
        return row
    if any(member.interval is None for member in rows):
        return row
    # No document changed: the task whose documents weigh most limits how sure we can be.
    return without_difference(row, int(min(sizes)))


def _is_mean(score: Score, values: Sequence[float | None], weights: Sequence[int]) -> bool:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not sum(weights) or score.value is None:
        return False
    mean = sum(value * weight for value, weight in zip(known, weights, strict=True)) / sum(weights)
    return isclose(mean, score.value, rel_tol=1e-9, abs_tol=1e-12)
