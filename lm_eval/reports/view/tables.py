"""What the pages of the viewer show, as values that JSON can hold: runs, matrix, a task over time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from lm_eval.reports.html.packing import finite
from lm_eval.reports.matrix import Best, Cell, Matrix
from lm_eval.reports.runs import LiveRun, RunSummary
from lm_eval.results import Score

__all__ = ["best_data", "live_data", "matrix_data", "run_data", "score_data", "series_data"]

_STEP = re.compile(r"(\d+)(?!.*\d)")
_MAX_TASKS = 400
"""Maximum number of tasks of a run that the list sends."""


def run_data(run: RunSummary) -> dict[str, object]:
    """Describe a run for the list.

    Args:
        run: The run.

    Returns:
        Its facts, and the first score of each task or group that is in no group.
    """
    inside = {name for members in run.groups.values() for name in members}
    first: dict[str, Score] = {}
    for score in run.scores:
        if score.task not in inside:
            first.setdefault(score.task, score)
    return {
        **{name: getattr(run, name) for name in ("key", "path", "model", "date", "seconds", "settings", "lost")},
        **{name: getattr(run, name) for name in ("cost", "tokens", "requests", "version", "speed")},
        "docs": sum(run.tasks[name].n or 0 for name in run.leaves),
        "tasks": run.leaves[:_MAX_TASKS],
        "scores": [[run.tasks[name].alias, score.metric, finite(score.value)] for name, score in first.items()],
        "endpoints": run.endpoints,
    }


def live_data(run: LiveRun) -> dict[str, object]:
    """Describe a run that is going on, for the list.

    Args:
        run: The run.

    Returns:
        Its facts.
    """
    return asdict(run)


def score_data(score: Score) -> dict[str, object]:
    """Write a score for a cell.

    Args:
        score: The score.

    Returns:
        ``value``, and where they are known ``interval``, ``stderr``, ``n`` and ``lost``; ``text`` instead of a value
        that is none.
    """
    value, ends = finite(score.value), score.shown_interval
    data: dict[str, object] = {"value": None if score.metric == "bypass" else value}
    if score.metric == "bypass" or score.not_computed:
        data |= {"value": None, "text": "not scored" if score.metric == "bypass" else "not computed"}
    interval = [finite(end) for end in ends] if ends else []
    if len(interval) == 2 and None not in interval:
        data["interval"] = interval
    if (stderr := finite(score.stderr)) is not None:
        data["stderr"] = stderr
    return data | {"n": score.n, "lost": score.lost}


def matrix_data(matrix: Matrix) -> dict[str, object]:
    """Write a matrix for the page.

    Args:
        matrix: The matrix.

    Returns:
        ``rows``, ``columns``, ``cells`` as ``[row, column, cell]``, and ``notes`` by position of the column.
    """
    return {
        "rows": [
            {"model": row.model, "settings": row.settings, "runs": row.runs, "endpoints": row.endpoints}
            for row in matrix.rows
        ],
        "columns": [
            {
                **{name: getattr(column, name) for name in ("task", "metric", "filter", "label", "groups")},
                "group": column.is_group,
                "up": column.higher_is_better,
            }
            for column in matrix.columns
        ],
        "cells": [[row, column, _cell(cell)] for (row, column), cell in sorted(matrix.cells.items())],
        "notes": {str(place): text for place, text in matrix.notes.items()},
    }


def _cell(cell: Cell) -> dict[str, object]:
    known = {"shots": cell.shots, "version": cell.version, "date": cell.date, "limit": cell.limit}
    return {"run": cell.run, **score_data(cell.score), **{name: value for name, value in known.items() if value}}


def best_data(best: Mapping[int, Best]) -> dict[str, object]:
    """Write the best score of each column for the page.

    Args:
        best: Position of the column to its best.

    Returns:
        The same, with texts as keys.
    """
    return {str(place): {name: value for name, value in asdict(each).items()} for place, each in best.items()}


def series_data(runs: Sequence[RunSummary], matrix: Matrix, task: str, key: str) -> dict[str, object]:
    """Write a task's score in all runs, for a plot over time.

    Args:
        runs: All runs, the newest first.
        matrix: The rows say which runs belong together.
        task: The task or group.
        key: ``metric,filter``; another is taken when no run has it.

    Returns:
        ``points``, the oldest first, each with its run, date, step, score and the label of its row; ``step`` is the
        last number in the model's name, and ``family`` the name without it. ``keys`` are the ``metric,filter`` there
        are, and ``key`` the one that is shown.
    """
    labels = {run: row for row in matrix.rows for run in row.runs}
    keys = dict.fromkeys(score.key for run in runs for score in run.scores if score.task == task)
    shown = key if key in keys else next(iter(keys), "")
    points = []
    for run in reversed(runs):
        score = next((score for score in run.scores if score.task == task and score.key == shown), None)
        if score is None or run.key not in labels:
            continue
        step = _STEP.search(run.model)
        points.append(
            {
                "run": run.key,
                "label": labels[run.key].label,
                "date": run.date,
                "step": int(step[1][:15]) if step else None,
                "family": _STEP.sub("*", run.model),
                "version": run.tasks[task].version,
                "up": score.higher_is_better,
                **score_data(score),
            }
        )
    return {"points": points, "keys": list(keys), "key": shown}
