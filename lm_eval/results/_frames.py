"""Runs as pandas DataFrames; those of several runs can be put one under the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from lm_eval.results.saved import Run

__all__ = ["samples_frame", "scores_frame"]

_SCORE_TYPES = {
    "model": "string",
    "date": "datetime64[us, UTC]",
    "task": "string",
    "metric": "string",
    "filter": "string",
    "value": "float64",
    "stderr": "float64",
    "low": "float64",
    "high": "float64",
    "n": "Int64",
    "higher_is_better": "boolean",
    "is_group": "bool",
}


def scores_frame(run: Run) -> pandas.DataFrame:
    """Lay the scores out, a row a score.

    Args:
        run: The run.

    Returns:
        Columns ``model``, ``date``, ``task``, ``metric``, ``filter``, ``value``, ``stderr``, ``low`` and ``high`` (the
        interval), ``n``, ``higher_is_better`` and ``is_group``; what is not known is missing.
    """
    import pandas as pd

    rows = [
        (
            run.model_name,
            run.date,
            score.task,
            score.metric,
            score.filter,
            score.value,
            score.stderr,
            *(score.interval or (None, None)),
            score.n,
            score.higher_is_better,
            score.is_group,
        )
        for score in run.scores
    ]
    frame: pandas.DataFrame = pd.DataFrame(rows, columns=list(_SCORE_TYPES)).astype(_SCORE_TYPES)
    return frame


def samples_frame(run: Run, tasks: Sequence[str]) -> pandas.DataFrame:
    """Lay samples out, a row a doc and filter.

    Args:
        run: The run.
        tasks: Task names; none means all that have samples.

    Returns:
        Columns ``model``, ``date`` and ``task``, then the keys of the samples; keys a task does not have are missing.
    """
    import pandas as pd

    head = {"model": run.model_name, "date": run.date}
    rows = [{**head, "task": task, **sample} for task in tasks or run.sample_files for sample in run.iter_samples(task)]
    frame: pandas.DataFrame = pd.DataFrame(rows, columns=None if rows else [*head, "task"])
    typed: pandas.DataFrame = frame.astype({name: _SCORE_TYPES[name] for name in (*head, "task")})
    return typed
