"""Scores that another model gives: the judges of a run, what they are asked, and how their verdicts become scores."""

from __future__ import annotations

from lm_eval.judging.bench import FLAGS, Bench, bench, judged_tasks
from lm_eval.judging.estimate import JudgeEstimate, estimate
from lm_eval.judging.function import judge_answers
from lm_eval.judging.jury import Jury
from lm_eval.judging.questions import answers_of
from lm_eval.judging.replay import replayed, summary_of_saved
from lm_eval.judging.summary import JudgedDocument, judged_documents
from lm_eval.judging.templates import Template, mark_version

__all__ = [
    "FLAGS",
    "Bench",
    "JudgeEstimate",
    "JudgedDocument",
    "Jury",
    "Template",
    "answers_of",
    "bench",
    "estimate",
    "judge_answers",
    "judged_documents",
    "judged_tasks",
    "mark_version",
    "replayed",
    "summary_of_saved",
]
