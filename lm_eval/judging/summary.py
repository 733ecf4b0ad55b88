"""What the verdicts of a task look like as a whole: coverage, failures, agreement, the order of two answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Doc
from lm_eval.api.verdicts import Judgement, Verdict
from lm_eval.config.scorer import ScorerSpec
from lm_eval.errors import ConfigError
from lm_eval.judging.questions import criteria_of
from lm_eval.judging.templates import Template
from lm_eval.results.answered import by_document
from lm_eval.statistics.agreement import Level, krippendorff_alpha, same_share
from lm_eval.statistics.judged import judged_mean
from lm_eval.statistics.pairwise import position_bias

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["JudgedDocument", "judged_documents", "summary"]

_MAX_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """What a summary needs of a document.

    Attributes:
        judgement: Its judgement.
        range: The lowest and the highest score that an unjudged document could have; None for any other document, and
            where it is not known.
    """

    judgement: Judgement
    range: tuple[float, float] | None = None

    def record(self) -> list[Any]:
        """Return the document without texts, as plain values from which ``of_record`` makes it again."""
        verdicts = [replace(verdict, text="", reasoning=None) for verdict in self.judgement.verdicts]
        bare = replace(self.judgement, values={}, verdicts=verdicts, lengths=[], baseline="", criteria=[])
        return [bare.record(), self.range]

    @classmethod
    def of_record(cls, record: Sequence[Any]) -> JudgedDocument:
        """Make a document from what ``record`` returned.

        Args:
            record: The plain values.
        """
        judgement, limits = record
        return cls(Judgement.of_record(judgement, {}), limits)


def judged_documents(task: Task, spec: ScorerSpec) -> dict[int, JudgedDocument]:
    """Return what a summary needs of the documents of a task.

    Args:
        task: The task; its Instances have judgements.
        spec: Its ``scorer``.

    Returns:
        The id of each document that is not lost to what is needed of it, by id.
    """
    found = {}
    for doc_id, group in sorted(by_document(task.instances).items()):
        if not any(instance.error for instance in group):
            judgement = group[0].judgement or Judgement("unjudged", reason="The document was lost.")
            limits = _range(spec, group[0].doc) if judgement.score is None else None
            found[doc_id] = JudgedDocument(judgement, limits)
    return found


def summary(
    spec: ScorerSpec,
    template: Template,
    documents: Sequence[JudgedDocument],
    reads: Mapping[str, str],
    stopped: Mapping[str, str],
    baseline: str = "",
) -> dict[str, Any]:
    """Return the entry of a task in ``judging`` of the results.

    Args:
        spec: The ``scorer`` of the task.
        template: The template of the judge's prompt.
        documents: All documents that are not lost, by id.
        reads: Name of each judge to how its verdicts were asked for.
        stopped: Name of a judge to why it was given up.
        baseline: The run whose answers are compared with; empty for none.
    """
    judgements = [document.judgement for document in documents]
    verdicts = [verdict for judgement in judgements for verdict in judgement.verdicts]
    status = Counter(judgement.status for judgement in judgements)
    entry: dict[str, Any] = {
        "judges": list(reads),
        "template": template.origin,
        "template_sha": template.sha256,
        "prompt": None if template.origin == "task" else template.source,
        "baseline": baseline or None,
        "verdict": spec.verdict.kind,
        "read": dict(reads),
        "repeats": spec.repeats,
        "reduce": spec.reduce,
        "only_if": None if spec.only_if is None else str(spec.only_if),
        "documents": len(judgements),
        **{key: status[key] for key in ("judged", "settled", "unjudged")},
        "coverage": 1 - status["unjudged"] / len(judgements) if judgements else None,
        "judge_failed": sum(map(_is_lost, judgements)) or None,
        "verdicts": len(verdicts),
        **{key: sum(verdict.status == key for verdict in verdicts) for key in ("unreadable", "failed")},
        "asked_again": sum(verdict.attempts - 1 for verdict in verdicts),
        "labels": dict(sorted(Counter(verdict.label for verdict in verdicts if verdict.label is not None).items())),
        "messages": _messages(judgements),
        "stopped": dict(stopped),
        "bounds": _bounds(documents),
        "agreement": _agreement(spec, judgements),
        **_of_pairs(spec, judgements),
        **_noise(judgements),
    }
    return {key: value for key, value in entry.items() if value is not None and value != {} and value != []}


def _is_lost(judgement: Judgement) -> bool:
    """Whether a document has no score because requests were lost, not because replies could not be read."""
    failed = any(verdict.status == "failed" for verdict in judgement.verdicts)
    return judgement.status == "unjudged" and (failed or not judgement.verdicts)


def _messages(judgements: Sequence[Judgement]) -> list[dict[str, object]]:
    """Return why requests and documents failed, most frequent first."""
    failed = [verdict.error for each in judgements for verdict in each.verdicts if verdict.status == "failed"]
    others = [each.reason for each in judgements if each.status == "unjudged" and not each.verdicts]
    counts = Counter(message for message in (*failed, *others) if message)
    return [{"message": message, "count": count} for message, count in counts.most_common(_MAX_MESSAGES)]


def _bounds(documents: Sequence[JudgedDocument]) -> list[float] | None:
    """Return the mean score if unjudged documents had the lowest and the highest score.

    None if all documents are judged, or if one has no rubric.
    """
    if all(document.judgement.score is not None for document in documents):
        return None
    ranges = []
    for document in documents:
        score = document.judgement.score
        limits = document.range if score is None else (score, score)
        if limits is None:
            return None
        ranges.append(limits)
    return [math.fsum(ends) / len(ranges) for ends in zip(*ranges, strict=True)]


def _range(spec: ScorerSpec, doc: Doc) -> tuple[float, float] | None:
    """Return the lowest and the highest score that a document can have; None if it has no rubric."""
    if spec.verdict.range is not None:
        return spec.verdict.range
    try:
        points = [criterion.points for criterion in criteria_of(spec, doc)]
    except ConfigError:
        return None
    best = math.fsum(point for point in points if point > 0)
    return math.fsum(point for point in points if point < 0) / best, 1.0


def _agreement(spec: ScorerSpec, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Return how far repeats of a judge agree, and judges with each other."""
    level: Level = "interval" if spec.verdict.kind == "scale" else "nominal"
    found = {}
    for name, units in (("repeats", _units(judgements, by_juror=True)), ("judges", _units(judgements, by_juror=False))):
        several = [unit for unit in units if len([value for value in unit if value is not None]) > 1]
        if several:
            found[name] = {"alpha": krippendorff_alpha(several, level), "same": same_share(several), "n": len(several)}
    return found


def _units(judgements: Sequence[Judgement], *, by_juror: bool) -> Iterator[list[Hashable | None]]:
    """Go through what was decided several times: the values of one judge's repeats, or of the judges' first repeats."""
    for judgement in judgements:
        units: dict[tuple[object, ...], list[Hashable | None]] = {}
        for verdict in judgement.verdicts:
            if not by_juror and verdict.repeat:
                continue
            place = (verdict.answer, verdict.criterion, verdict.first, verdict.juror if by_juror else None)
            units.setdefault(place, []).append(verdict.score)
        yield from units.values()


def _of_pairs(spec: ScorerSpec, judgements: Sequence[Judgement]) -> dict[str, object]:
    """Return what the order of two answers does; nothing unless the verdict is pairwise."""
    if spec.verdict.kind != "pairwise":
        return {}
    both: dict[tuple[object, ...], dict[str | None, float | None]] = {}
    for number, judgement in enumerate(judgements):
        for verdict in judgement.verdicts:
            place = (number, verdict.answer, verdict.juror, verdict.repeat)
            both.setdefault(place, {})[verdict.first] = verdict.score
    bias = position_bias([(each.get("answer"), each.get("baseline")) for each in both.values()])
    found: dict[str, object] = {
        "pairs": sum(judgement.pairs for judgement in judgements),
        "flips": sum(judgement.flips for judgement in judgements),
    }
    if bias is not None:
        found["first_rate"] = bias.first_rate
        found["first_rate_interval"] = bias.interval and [bias.interval.low, bias.interval.high]
    return found


def _noise(judgements: Sequence[Judgement]) -> dict[str, object]:
    """Return which part of the score's standard error comes from the judge; nothing without repeats."""
    rows = [_scores(judgement.verdicts) for judgement in judgements if judgement.status == "judged"]
    mean = judged_mean(rows)
    if mean is None or mean.stderr_judge is None:
        return {}
    return {"stderr_judge": mean.stderr_judge, "stderr_documents": mean.stderr_documents}


def _scores(verdicts: Sequence[Verdict]) -> list[float | None]:
    """Return the scores of verdicts that each score the document alone; none of a rubric or of pairs."""
    return [verdict.score for verdict in verdicts if verdict.criterion is None and verdict.first is None]
