"""The shape of results as types, for code that annotates what ``simple_evaluate`` returns."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = ["EvalResults", "SampleCount", "SampleResult", "TaskMetrics"]

TaskMetrics = dict[str, Any]
"""``name``, ``alias`` and ``sample_len`` of a task or group, and its scores under ``metric,filter``."""


class SampleCount(TypedDict):
    """The number of documents of a task: of its split, and of those that were evaluated."""

    original: int
    effective: int


EvalResults = TypedDict(
    "EvalResults",
    {
        "results": dict[str, TaskMetrics],
        "groups": dict[str, TaskMetrics],
        "group_subtasks": dict[str, list[str]],
        "configs": dict[str, dict[str, Any]],
        "versions": dict[str, Any],
        "n-shot": dict[str, int],
        "higher_is_better": dict[str, dict[str, bool | None]],
        "n-samples": dict[str, SampleCount],
        "samples": dict[str, list[Any]],
        "config": dict[str, Any],
        "git_hash": str | None,
        "date": float,
    },
    total=False,
)
"""Results; a run adds more keys about itself, which docs/results.md lists."""


class SampleResult(TypedDict, total=False):
    """A document under one filter, as a samples file has it; the values of its metrics are keys, too."""

    doc_id: int
    doc: dict[str, Any]
    target: Any
    arguments: dict[str, dict[str, Any]]
    resps: list[Any]
    filtered_resps: list[Any]
    filter: str
    metrics: list[str]
    doc_hash: str
    prompt_hash: str
    target_hash: str


# The names that code in the wild imports.
_TaskMetrics = TaskMetrics
_SampleCount = SampleCount
