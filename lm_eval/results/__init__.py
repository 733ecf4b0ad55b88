"""What a run leaves: typed results and samples, scores of tasks and groups, result files, the environment."""

from __future__ import annotations

from lm_eval.results.collect import TaskOutput, collect, task_scores
from lm_eval.results.run import Group, Member, Results, Run, Score
from lm_eval.results.sample import LogLikelihood, Repeats, Request, Sample
from lm_eval.results.saved import find, load, load_all
from lm_eval.results.speed import Speed, Spread

__all__ = [
    "Group",
    "LogLikelihood",
    "Member",
    "Repeats",
    "Request",
    "Results",
    "Run",
    "Sample",
    "Score",
    "Speed",
    "Spread",
    "TaskOutput",
    "collect",
    "find",
    "load",
    "load_all",
    "task_scores",
]
