"""What a run leaves: typed result dicts, scores of tasks and groups, what is known of the environment."""

from __future__ import annotations

from lm_eval.results.collect import TaskOutput, collect, task_scores
from lm_eval.results.types import EvalResults, Sample, SampleCount, TaskResult

__all__ = ["EvalResults", "Sample", "SampleCount", "TaskOutput", "TaskResult", "collect", "task_scores"]
