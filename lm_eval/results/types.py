"""The shapes of the dicts a run returns and saves."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["EvalResults", "SampleCount", "SampleDict", "ScoreStatistics", "TaskResult"]


class TaskResult(TypedDict, total=False):
    """A task's or group's row: besides these keys ``"metric,filter"`` and ``"metric_stderr,filter"``."""

    name: str
    """The task's or group's name."""
    alias: str
    """The name shown in tables."""
    sample_len: int
    """Docs behind the scores."""
    sample_count: dict[str, int]
    """Of a group: docs behind each score."""
    n_errors: int
    """Docs lost to errors; absent when none was."""
    errors: dict[str, int]
    """Kind of error to the docs it cost; absent when there was none."""
    outcomes: dict[str, int]
    """Responses that were cut, empty or refused, by kind; absent when there were none."""
    failed: dict[str, str]
    """``"metric,filter"`` to why it could not be computed; absent when all could."""


class ScoreStatistics(TypedDict, total=False):
    """How sure a score is."""

    n: int
    """Docs behind the score."""
    lost: int
    """Docs lost to errors."""
    interval: list[float]
    """Both ends of the interval; absent where the values cannot tell."""
    method: str
    """``wilson``, ``t``, ``clustered t`` or ``bootstrap``; absent without an interval."""
    level: float
    """The interval's level, 0.95; absent without an interval."""
    bounds: list[float]
    """The score if every lost doc were wrong, and if every lost doc were right; of 0/1 scores with lost docs."""
    clusters: int
    """How many clusters the docs form; of tasks with ``cluster_key``."""
    stderr_clustered: float
    """The standard error that allows for clusters."""
    effective_n: float
    """Independent docs that would give the clustered standard error."""
    repeats_share: float
    """The share of the variance that more repeats would remove; of ``mean@k``."""


class SampleCount(TypedDict):
    """How many docs a task has and how many were scored."""

    original: int
    effective: int


class SampleDict(TypedDict, total=False):
    """One doc under one filter, with its values under the metrics' names."""

    doc_id: int
    """The doc's index in its split."""
    doc: dict[str, Any]
    target: Any
    arguments: Any
    """Of each Instance; in files ``{"gen_args_0": {"arg_0": …}}``."""
    resps: list[list[Any]]
    """Of each Instance, a response a repeat."""
    filtered_resps: list[Any]
    filter: str
    metrics: list[str]
    doc_hash: str
    prompt_hash: str
    target_hash: str
    error: dict[str, Any]
    """Why the doc has no score; absent when it has."""
    cluster: str
    """What docs of one cluster share, or the start of its SHA-256; absent without ``cluster_key``."""
    repeats: dict[str, list[Any]]
    """``filtered`` and metric to a value a repeat; absent without ``over_repeats``."""
    response_info: list[dict[str, Any]]
    """What the endpoint said of responses that were cut, empty or refused."""


EvalResults = TypedDict(
    "EvalResults",
    {
        "results": dict[str, dict[str, Any]],
        "groups": dict[str, dict[str, Any]],
        "group_subtasks": dict[str, list[str]],
        "configs": dict[str, dict[str, Any]],
        "versions": dict[str, Any],
        "n-shot": dict[str, int],
        "higher_is_better": dict[str, dict[str, Any]],
        "n-samples": dict[str, SampleCount],
        "statistics": dict[str, dict[str, ScoreStatistics]],
        "samples": dict[str, list[dict[str, Any]]],
        "config": dict[str, Any],
        "git_hash": str | None,
        "date": float,
        "task_hashes": dict[str, str],
        "model_name": str,
        "model_source": str,
        "total_evaluation_time_seconds": float,
    },
    total=False,
)
"""What ``simple_evaluate`` returns; ``groups`` only when a group has scores, ``samples`` only when they are logged."""
