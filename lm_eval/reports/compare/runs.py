"""Compare two runs document by document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.compare.formats import bare_name, check_formats, lost_to_formats, without_formats
from lm_eval.reports.compare.gate import judge
from lm_eval.reports.compare.notes import pairing_notes, setting_notes, value_notes
from lm_eval.reports.compare.pairing import Pairing
from lm_eval.reports.compare.pairs import PairedRuns
from lm_eval.reports.compare.types import Comparison, Note, RunInfo, SpeedRow
from lm_eval.results import Run
from lm_eval.text import first_names
from lm_eval.utils import pattern_match

__all__ = ["compare"]


def compare(
    run_a: Run,
    run_b: Run,
    *,
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
    allow_different_prompts: bool = False,
    across_formats: bool = False,
    fail_if_worse: float | None = None,
    undecided: Literal["fail", "pass"] = "fail",
) -> Comparison:
    """Pair two runs' samples and test each score that both have.

    Args:
        run_a: The run to compare with.
        run_b: The run that is compared; differences are B minus A.
        tasks: Names or patterns of tasks and groups; none means all.
        metrics: Names or patterns of metrics, also as ``metric,filter``; none means all.
        allow_different_prompts: Pair documents also when they were asked differently.
        across_formats: Pair ``arc_easy`` with ``arc_easy@generate``, and so on; prompts may then differ, too.
        fail_if_worse: The largest accepted drop, for a release gate; None means no gate.
        undecided: Whether scores that the gate cannot decide fail or pass.

    Returns:
        The rows, the notes and the gate's verdicts.

    Raises:
        ConfigError: A and B are the same run, prompts differ, or nothing can be paired or gated.
        UnknownNameError: A task or metric is in neither run.
    """
    if run_a.path.resolve() == run_b.path.resolve():
        raise ConfigError(f"A and B are the same results file: {run_a.path}.")
    if across_formats:
        run_a, run_b = without_formats(run_a), without_formats(run_b)
        tasks, allow_different_prompts = [bare_name(name) for name in tasks], True
    chosen, groups = _select(run_a, run_b, tasks)
    wanted = _metric_filter(run_a, run_b, metrics)
    pairs = PairedRuns(run_a, run_b, wanted)
    common = [task for task in chosen if task in pairs.tasks]
    if not common:
        alike = {bare_name(name) for name in run_a.tasks} & {bare_name(name) for name in run_b.tasks}
        hint = " --across_formats compares a task in different formats." if alike else ""
        raise ConfigError(f"No task in common: A has {_some(run_a.tasks)}, B has {_some(run_b.tasks)}.{hint}")
    if not across_formats:
        check_formats(run_a, run_b, common)
    for task in common:
        pairs.add(task)
    _check(common, run_a, run_b, pairs.pairings, allow_different_prompts)
    of_tasks, of_groups = pairs.rows(groups)
    rows = (*of_tasks, *of_groups)
    if not rows:
        raise ConfigError("The runs have no score in common.")
    only_a, only_b = (_only(run, other, chosen, wanted) for run, other in ((run_a, run_b), (run_b, run_a)))
    other_format = lost_to_formats(run_a, run_b, only_a) if across_formats else set()
    absent = [Note(f"Only in {name}", tuple(only)) for name, only in (("A", only_a), ("B", only_b)) if only]
    return Comparison(
        a=_info(run_a),
        b=_info(run_b),
        rows=rows,
        notes=(*setting_notes(run_a, run_b, common), *pairing_notes(pairs.pairings), *value_notes(of_tasks), *absent),
        gate=None
        if fail_if_worse is None
        else judge(rows, fail_if_worse, undecided, [name for name in only_a if name not in other_format]),
        families={
            name: sum(row.p_value is not None for row in family)
            for name, family in (("tasks", of_tasks), ("groups", of_groups))
        },
        speed=tuple(_speed(run_a, run_b, common)),
    )


def _speed(run_a: Run, run_b: Run, tasks: Sequence[str]) -> Iterator[SpeedRow]:
    yield from (row for row in [SpeedRow("", run_a.speed, run_b.speed)] if row.a and row.b)
    for task in tasks:
        if (a := run_a.speed_of(task)) and (b := run_b.speed_of(task)):
            yield SpeedRow(task, a, b)


def _select(run_a: Run, run_b: Run, patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the tasks, in A's order and then B's, and the groups to show."""
    groups = list(dict.fromkeys([*run_a.group_subtasks, *run_b.group_subtasks]))
    everything = list(dict.fromkeys([*run_a.tasks, *run_b.tasks]))
    if not patterns:
        return everything, groups
    names = [*everything, *groups]
    matched: dict[str, None] = {}
    for pattern in patterns:
        if not (found := pattern_match(pattern, names)):
            raise UnknownNameError("task of these runs", pattern, names, f"They have {_some(names)}.")
        matched.update(dict.fromkeys(found))
    wanted = {leaf for name in matched for run in (run_a, run_b) for leaf in run.leaves(name)}
    within = [group for group in groups if group in matched or _lies_within(group, matched, run_a)]
    return [task for task in everything if task in wanted], within


def _lies_within(group: str, names: Iterable[str], run: Run) -> bool:
    children = {child for name in names for child in run.group_subtasks.get(name, ())}
    return group in children or (bool(children) and _lies_within(group, children, run))


def _metric_filter(run_a: Run, run_b: Run, patterns: Sequence[str]) -> set[str] | None:
    """Return the wanted ``metric,filter`` keys; None for all."""
    if not patterns:
        return None
    keys = {score.key: score.metric for run in (run_a, run_b) for score in run.scores}
    wanted: set[str] = set()
    for pattern in patterns:
        found = {key for key, metric in keys.items() if pattern_match(pattern, [key, metric])}
        if not found:
            raise UnknownNameError("metric of these runs", pattern, sorted({*keys, *keys.values()}))
        wanted |= found
    return wanted


def _only(run: Run, other: Run, tasks: Sequence[str], wanted: set[str] | None) -> list[str]:
    """List the tasks that only the first run has, then its other scores that the second lacks."""
    of_run, of_other = set(run.tasks), set(other.tasks)
    in_both = {(score.task, score.key) for score in other.scores}
    return [task for task in tasks if task not in of_other] + [
        f"{task} {score.key}"
        for task in tasks
        if task in of_run and task in of_other
        for score in run.members[task].scores
        if (task, score.key) not in in_both and (wanted is None or score.key in wanted)
    ]


def _check(
    tasks: Sequence[str],
    run_a: Run,
    run_b: Run,
    pairings: dict[str, list[Pairing]],
    allow_different_prompts: bool,
) -> None:
    """Refuse a comparison of different prompts, or of no documents.

    Raises:
        ConfigError: Prompts differ, or no document can be paired.
    """
    different = {task: pairing for task, found in pairings.items() for pairing in found if pairing.prompts}
    if different and not allow_different_prompts:
        counts = [f"{task} ({pairing.prompts} of {pairing.matched} documents)" for task, pairing in different.items()]
        raise ConfigError(
            f"The runs asked with different prompts: {_some(counts)}. Leave these tasks out with --tasks, or add "
            "--allow_different_prompts to compare them anyway."
        )
    if any(pairing.matched for found in pairings.values() for pairing in found):
        return
    for name, run in (("A", run_a), ("B", run_b)):
        if not any(task in run.sample_files for task in tasks):
            raise ConfigError(
                f"{name} ({run.path}) has no samples of {_some(tasks)}, so documents cannot be paired; "
                "run with --log_samples."
            )
    every = [pairing for found in pairings.values() for pairing in found]
    if not every:
        raise ConfigError(f"No task has samples in both runs under the same filter: {_some(tasks)}.")
    if any(pairing.changed for pairing in every):
        why = "documents with the same id differ in content"
    elif any(pairing.errors_a or pairing.errors_b for pairing in every):
        why = "the documents in both were lost to errors"
    else:
        why = "no id is in both"
    raise ConfigError(f"The runs have no document in common ({why}): {_some(tasks)}.")


def _info(run: Run) -> RunInfo:
    return RunInfo(
        path=str(run.path), model=run.model_name, date=run.date.isoformat(timespec="seconds") if run.date else ""
    )


def _some(names: Sequence[str]) -> str:
    return first_names(names) or "none"
