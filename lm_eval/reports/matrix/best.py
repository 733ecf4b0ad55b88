"""Find the best score of each column, and whether it is shown to be better than every other of the column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace

from lm_eval.errors import UserError
from lm_eval.reports.compare import PairedRuns, Pairing, Row
from lm_eval.reports.matrix.types import Cell, Column, Matrix
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.runs.store import Stamp, stamp_of
from lm_eval.results import Group
from lm_eval.statistics.multiple import holm
from lm_eval.statistics.paired import ALPHA
from lm_eval.text import sha256

__all__ = ["Best", "best_of"]

_KIND = "pair"


@dataclass(frozen=True)
class Best:
    """The best score of a column.

    Attributes:
        row: The position of its row.
        holds: Whether it is shown to be better than every other score of the column.
        p_value: The largest p-value of its paired tests against the others; None when one has no test. A row that is
            tested in vain ends the tests, so it need not be the largest of all.
        p_holm: ``p_value`` corrected for the other columns of tasks, or of groups; None without ``p_value``.
        against: The position of the row with that p-value, or without a test; None of a single score.
        reason: Why it is not shown to be best; empty when it is.
        other_prompts: Whether a tested run was asked with other prompts about the same documents, such as with another
            number of examples.
    """

    row: int
    holds: bool = False
    p_value: float | None = None
    p_holm: float | None = None
    against: int | None = None
    reason: str = ""
    other_prompts: bool = False


@dataclass(frozen=True)
class _Tested:
    """The test of a score against a lower one: its p-value, or why there is none, and whether prompts differ."""

    p_value: float | None
    reason: str = ""
    other_prompts: bool = False


def best_of(index: RunIndex, matrix: Matrix) -> dict[int, Best]:
    """Find the best score of each column.

    The best is tested against each other score of its column on the documents that both runs answered, with the tests
    of ``lm_eval compare``. It holds if all of these tests find a difference: the largest of their p-values, corrected
    for the other columns (Holm, tasks and groups apart), is at most 5 %. It does not hold where a run saved no samples
    or has no document in common. Prompts may differ, since a row may stand for other settings.

    Args:
        index: Has the samples.
        matrix: The matrix.

    Returns:
        Position of the column to its best; columns without a direction or with fewer than two scores are left out.
    """
    found: dict[int, Best] = {}
    for place, column in enumerate(matrix.columns):
        if (best := _candidate(index, column, matrix.column(place))) is not None:
            found[place] = best
    for is_group in (False, True):
        family = [place for place in found if matrix.columns[place].is_group is is_group]
        tested = [place for place in family if found[place].p_value is not None]
        for place, p_holm in zip(tested, holm([found[place].p_value or 0.0 for place in tested]), strict=True):
            best = replace(found[place], p_holm=p_holm)
            if not best.reason and p_holm > ALPHA:
                best = replace(best, reason="the difference does not hold, corrected for the number of columns")
            found[place] = replace(best, holds=not best.reason)
    return found


def _candidate(index: RunIndex, column: Column, cells: Mapping[int, Cell]) -> Best | None:
    if column.higher_is_better is None:
        return None
    sign = 1 if column.higher_is_better else -1
    values = {row: sign * cell.score.value for row, cell in cells.items() if cell.score.value is not None}
    ordered = sorted(values, key=lambda row: (-values[row], row))
    if len(ordered) < 2:
        return None
    first, others = ordered[0], ordered[1:]
    best = Best(first, p_value=0.0, against=others[0])
    for row in others:
        tested = _tested(index, column, cells[row].run, cells[first].run)
        best = replace(best, other_prompts=best.other_prompts or tested.other_prompts)
        if tested.p_value is None:
            return replace(best, p_value=None, against=row, reason=f"no paired test: {tested.reason}")
        if tested.p_value >= (best.p_value or 0.0):
            best = replace(best, p_value=tested.p_value, against=row)
        if tested.p_value > ALPHA:
            return replace(best, reason="the difference may be chance")
    return best


def _tested(index: RunIndex, column: Column, lower: str, upper: str) -> _Tested:
    """Test a run's score against a lower one of another run; the result is kept until a file of a run changes."""
    name = sha256(json.dumps([lower, upper, column.task, column.key]))
    stamp = _stamp(index, column, lower, upper)
    if (kept := index.kept(_KIND, name, stamp)) is not None:
        return _Tested(*json.loads(kept))
    try:
        tested = _test(index, column, lower, upper)
    except UserError as error:  # such as samples that are gone
        return _Tested(None, str(error))
    index.keep(_KIND, name, json.dumps(astuple(tested)).encode(), stamp)
    return tested


def _stamp(index: RunIndex, column: Column, *keys: str) -> Stamp:
    """Join the stamps of the results files and of the samples files behind a column."""
    stamps = []
    for key in keys:
        summary, files = index.summary(key), index.sample_files(key)
        tasks = Group(column.task, (), summary.groups).leaves()
        for file in (index.root / summary.path, *(files[task] for task in tasks if task in files)):
            try:
                stamps.append((str(file), *stamp_of(file)))
            except OSError:
                continue
    return len(stamps), int(sha256(json.dumps(stamps))[:15], 16)


def _test(index: RunIndex, column: Column, lower: str, upper: str) -> _Tested:
    row, counts = _row(index, column, lower, upper, texts=False)
    if any(each.changed for each in counts):
        # Hashes of documents differ: their content decides, as in ``lm_eval compare``.
        row, counts = _row(index, column, lower, upper, texts=True)
    prompts = any(each.prompts for each in counts)
    if row is None:
        return _Tested(None, "the runs do not share the score", prompts)
    if row.p_value is None:
        return _Tested(None, row.reason or "no test", prompts)
    if row.gain is None or row.gain <= 0:
        return _Tested(1.0, "", prompts)  # better over all documents, but not over those that both runs answered
    return _Tested(row.p_value, "", prompts)


def _row(index: RunIndex, column: Column, lower: str, upper: str, *, texts: bool) -> tuple[Row | None, list[Pairing]]:
    read = index.run if texts else index.indexed
    run_a, run_b = read(lower), read(upper)
    pairs = PairedRuns(run_a, run_b, {column.key}, flips=False)
    for task in run_a.leaves(column.task):
        if task in pairs.tasks:
            pairs.add(task)
    of_tasks, of_groups = pairs.rows([column.task])
    rows = of_groups if column.is_group else of_tasks
    counts = [each for of_task in pairs.pairings.values() for each in of_task]
    return next((row for row in rows if row.task == column.task), None), counts
