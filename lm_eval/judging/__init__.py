"""Scores that another model gives: the judges of a run, what they are asked, and how their verdicts become scores."""

from __future__ import annotations

from lm_eval.judging.bench import FLAGS, Bench, bench, judged_tasks
from lm_eval.judging.jury import Jury

__all__ = ["FLAGS", "Bench", "Jury", "bench", "judged_tasks"]
