"""What a run leaves: typed result dicts, scores of tasks and groups, saved runs read back, the environment."""

from __future__ import annotations

from lm_eval.results.collect import TaskOutput, collect, task_scores
from lm_eval.results.saved import Run, Score, find, load, load_all
from lm_eval.results.types import EvalResults, Sample, SampleCount, TaskResult

__all__ = [
    "EvalResults",
    "Run",
    "Sample",
    "SampleCount",
    "Score",
    "TaskOutput",
    "TaskResult",
    "collect",
    "find",
    "load",
    "load_all",
    "task_scores",
]
