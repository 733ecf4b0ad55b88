"""Saved verdicts through the present ``scorer`` of their task, without asking a judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc
from lm_eval.api.verdicts import Judgement
from lm_eval.config.scorer import ScorerSpec
from lm_eval.judging.jury import Docket
from lm_eval.judging.questions import criteria_of
from lm_eval.judging.reading import VerdictReader
from lm_eval.judging.reduction import judgement_of, settled, unjudged
from lm_eval.judging.summary import summary
from lm_eval.judging.templates import Template

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["replayed", "summary_of_saved"]


def replayed(spec: ScorerSpec, doc: Doc, record: Mapping[str, Any]) -> Judgement:
    """Combine the saved verdicts on a document again.

    Args:
        spec: The present ``scorer`` of the task.
        doc: The document.
        record: What its sample has under ``judge``.

    Returns:
        The judgement, with the values of the present metrics.
    """
    saved = Judgement.of_record(record, {})
    if saved.status == "judged":
        again = judgement_of(spec, doc, saved.verdicts, criteria_of(spec, doc), saved.lengths)
        again.baseline = saved.baseline
        return again
    if saved.status == "settled" and saved.score is not None:
        again = settled(spec, "", saved.score)
        again.reason = saved.reason
        return again
    again = unjudged(saved.reason, saved.verdicts)
    again.baseline = saved.baseline
    return again


def summary_of_saved(task: Task, spec: ScorerSpec, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a task in ``judging`` of the results, for verdicts of a saved run.

    Args:
        task: The task; its Instances have judgements.
        spec: Its ``scorer``.
        saved: The entry in the saved results.
    """
    template = Template(
        str(saved.get("prompt", "")), str(saved.get("template", "task")), str(saved.get("template_sha", ""))
    )
    reads, stopped = saved.get("read"), saved.get("stopped")
    return summary(
        Docket(task, spec, template, VerdictReader(spec), baseline_from=str(saved.get("baseline", ""))),
        reads if isinstance(reads, Mapping) else {},
        stopped if isinstance(stopped, Mapping) else {},
    )
