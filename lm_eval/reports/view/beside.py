"""What the viewer shows of runs side by side: their settings, scores, paired differences, and one sample of each."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.api.result_keys import OUTCOME_WORDS
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.compare import PairedRuns, Row
from lm_eval.reports.html.overview import overview
from lm_eval.reports.html.packing import finite, pack
from lm_eval.reports.html.samples import Samples
from lm_eval.reports.matrix import matrix_of
from lm_eval.reports.runs import RunIndex, RunSummary
from lm_eval.reports.view.tables import matrix_data, run_data
from lm_eval.results import Member

__all__ = ["beside_data", "differences_data", "sample_data"]

_MAX_FLIPS = 200
"""Maximum number of changed documents that are listed of a score."""
_MAX_OTHERS = 200
"""Maximum number of other runs that a sample offers."""


def beside_data(index: RunIndex, keys: Sequence[str]) -> dict[str, object]:
    """Put runs side by side.

    Args:
        index: The index.
        keys: The keys of the runs.

    Returns:
        ``runs`` with their warnings, and ``matrix``, whose rows are the runs in this order.

    Raises:
        UnknownNameError: There is no run with a key.
        ConfigError: A results file cannot be read.
    """
    summaries = [index.summary(key) for key in dict.fromkeys(keys)]
    matrix = matrix_of(summaries, metrics=["all"], by_run=True)
    place = {row.runs[0]: number for number, row in enumerate(matrix.rows)}
    order = [place[summary.key] for summary in summaries]
    data = matrix_data(matrix)
    cells: list[list[object]] = [
        [order.index(row), column, cell]
        for row, column, cell in data["cells"]  # type: ignore[attr-defined]
    ]
    runs = []
    for summary in summaries:
        warnings = [notice["text"] for notice in overview(index.run(summary.key))["warnings"]]
        samples = sorted(index.sample_files(summary.key))
        runs.append(
            {**run_data(summary), "label": _label(summary, summaries), "warnings": warnings, "samples": samples}
        )
    return {"runs": runs, "matrix": {**data, "cells": cells}}


def _label(run: RunSummary, runs: Sequence[RunSummary]) -> str:
    """Name a run so that no two of these have the same name."""
    alike = [each for each in runs if each.model == run.model]
    return run.model if len(alike) == 1 else f"{run.model} · {run.path.rpartition('/')[2].removesuffix('.json')}"


def differences_data(index: RunIndex, first: str, second: str) -> dict[str, object]:
    """Compare two runs, as ``lm_eval compare`` does.

    Args:
        index: The index.
        first: The key of the run to compare with.
        second: The key of the run that is compared.

    Returns:
        ``rows``: the differences of all scores that both have, second minus first; and ``notes``.

    Raises:
        UnknownNameError: There is no run with a key.
        ConfigError: A samples file cannot be read.
    """
    run_a, run_b = index.indexed(first), index.indexed(second)
    pairs = PairedRuns(run_a, run_b)
    notes = []
    for task in run_a.tasks:
        if task not in pairs.tasks:
            continue
        pairs.add(task)
        if any(each.changed or each.prompts for each in pairs.pairings[task]):
            notes.append(task)
    of_tasks, of_groups = pairs.rows()
    different = f"Other prompts or documents: {', '.join(notes[:6])}{' …' if len(notes) > 6 else ''}."
    return {"rows": [_row(row) for row in (*of_tasks, *of_groups)], "notes": [different] if notes else []}


def _row(row: Row) -> dict[str, object]:
    ends = [finite(end) for end in row.interval] if row.interval else None
    return {
        **{"task": row.task, "metric": row.metric, "filter": row.filter, "ratio": row.scale == "ratio"},
        **{"difference": finite(row.difference), "interval": None if ends is None or None in ends else ends},
        **{"p": finite(row.p_value), "p_holm": finite(row.p_holm), "test": row.test, "reason": row.reason or ""},
        **{"n": row.n, "wins": row.wins, "losses": row.losses, "gain": finite(row.gain)},
        "flips": [[flip.doc_id, flip.better] for flip in row.flips[:_MAX_FLIPS]],
    }


def sample_data(index: RunIndex, keys: Sequence[str], task: str, doc_id: str) -> dict[str, object]:
    """Read one document of a task in several runs.

    Args:
        index: The index.
        keys: The keys of the runs.
        task: The task.
        doc_id: The id of the document, as text; an empty text takes the first document of the first run.

    Returns:
        ``blocks``, which the report's own script reads; ``columns``, one per run, with the row of each filter or why
        there is none; the document before and after it; and ``others``, runs that have samples of the task, too.

    Raises:
        UnknownNameError: There is no run with a key, or the first has no such document.
        ConfigError: A samples file cannot be read.
    """
    summaries = [index.summary(key) for key in dict.fromkeys(keys)]
    if not summaries:
        raise ConfigError("Name a run.")
    files = [index.sample_files(summary.key) for summary in summaries]
    if task not in files[0]:
        raise UnknownNameError("task with saved samples", task, files[0])
    ids = index.documents(files[0][task]).ids
    doc_id = doc_id or next(iter(ids), "")
    if doc_id not in ids:
        raise ConfigError(f"{task} of {summaries[0].model} has no document {doc_id!r}.")
    samples, columns, row = Samples(), [], 0
    for summary, of_run in zip(summaries, files, strict=True):
        found = index.documents(of_run[task]).samples(doc_id) if task in of_run else []
        column: dict[str, object] = {"run": summary.key, "label": _label(summary, summaries), "rows": []}
        if found:
            samples.add(_member(index, summary.key, task), found, {})
            filters = dict.fromkeys(sample.filter for sample in found)
            column["rows"] = list(range(row, row + len(filters)))
            row += len(filters)
        else:
            column["reason"] = "no samples of this task" if task not in of_run else "not among its documents"
        columns.append(column)
    content = samples.index()
    blocks = {"index": pack(content)}
    for kind, chunks in (("texts", samples.texts.blocks), ("records", samples.records.blocks)):
        blocks |= {f"{kind}-{number}": block for number, block in enumerate(chunks)}
    place = ids.index(doc_id)
    return {
        "blocks": blocks,
        "outcomes": OUTCOME_WORDS,
        "columns": columns,
        "task": task,
        "doc": doc_id,
        "place": place,
        "count": len(ids),
        "before": ids[place - 1] if place else None,
        "after": ids[place + 1] if place + 1 < len(ids) else None,
        "others": _others(index, task, {summary.key for summary in summaries}),
    }


def _member(index: RunIndex, key: str, task: str) -> Member:
    return index.run(key).members[task]


def _others(index: RunIndex, task: str, shown: set[str]) -> list[dict[str, object]]:
    runs = [run for run in index.runs if task in run.tasks and run.key not in shown]
    return [{"run": run.key, "model": run.model, "date": run.date, "path": run.path} for run in runs[:_MAX_OTHERS]]
