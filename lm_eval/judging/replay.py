"""Saved verdicts through the present ``scorer`` of their task, without asking a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.instance import Doc
from lm_eval.api.verdicts import Judgement
from lm_eval.config.scorer import ScorerSpec
from lm_eval.judging.questions import criteria_of
from lm_eval.judging.reduction import judgement_of, settled, unjudged
from lm_eval.judging.summary import JudgedDocument, summary
from lm_eval.judging.templates import Template

__all__ = ["replayed", "summary_of_saved"]


def replayed(spec: ScorerSpec, doc: Doc, record: Mapping[str, Any], answers: Sequence[str] = ()) -> Judgement:
    """Combine the saved verdicts on a document again.

    Args:
        spec: The present ``scorer`` of the task.
        doc: The document.
        record: What its sample has under ``judge``.
        answers: The judged answers, for ``process_verdict``.

    Returns:
        The judgement, with the values of the present metrics.
    """
    saved = Judgement.of_record(record, {})
    if saved.status == "judged":
        again = judgement_of(spec, doc, saved.verdicts, criteria_of(spec, doc), saved.lengths, answers)
        again.baseline = saved.baseline
        return again
    if saved.status == "settled" and saved.score is not None:
        again = settled(spec, "", saved.score)
        again.reason = saved.reason
        return again
    again = unjudged(saved.reason, saved.verdicts)
    again.baseline = saved.baseline
    return again


def summary_of_saved(spec: ScorerSpec, documents: Sequence[JudgedDocument], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a task in ``judging`` of the results, for verdicts of a saved run.

    Args:
        spec: The ``scorer`` of the task.
        documents: Its documents.
        saved: The entry in the saved results.
    """
    reads, stopped = saved.get("read"), saved.get("stopped")
    return summary(
        spec,
        Template.of_entry(saved),
        documents,
        reads if isinstance(reads, Mapping) else {},
        stopped if isinstance(stopped, Mapping) else {},
        str(saved.get("baseline", "")),
    )
