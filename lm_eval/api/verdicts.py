"""What a judge said about a document: its verdicts one by one, and the judgement that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Judgement", "Verdict"]

Status = Literal["ok", "unreadable", "failed"]
Outcome = Literal["judged", "settled", "unjudged"]


@dataclass(slots=True)
class Verdict:
    """One reply of a judge.

    Attributes:
        juror: The name of the judge.
        repeat: The number of the repeat, from 0.
        status: ``ok``; ``unreadable``, if no reply had a verdict; ``failed``, if the request was lost.
        label: The label; of a scale, the number as text. None without a verdict.
        score: The score of the judged answer; of a criterion, 1 if it is met. None without a verdict.
        text: What the judge wrote; empty if the request was lost.
        reasoning: What the judge thought apart from its text, or wrote under ``reasoning``; None if nothing.
        attempts: Number of replies that were asked for, because those before had no verdict.
        answer: The index of the judged answer, of a document with several.
        criterion: The index of the criterion, of a rubric.
        first: Which answer was shown first, ``answer`` or ``baseline``, of ``pairwise``.
        error: Why there is no verdict; None if there is one.
    """

    juror: str
    repeat: int = 0
    status: Status = "ok"
    label: str | None = None
    score: float | None = None
    text: str = ""
    reasoning: str | None = None
    attempts: int = 1
    answer: int = 0
    criterion: int | None = None
    first: str | None = None
    error: str | None = None


@dataclass(slots=True)
class Judgement:
    """What all verdicts on a document say.

    Attributes:
        status: ``judged``; ``settled``, by another metric, so that no judge was asked; or ``unjudged``.
        score: The score; None if the document is unjudged.
        label: The label that most verdicts have; None for a tie, a rubric, or without a verdict.
        values: Metric to value; empty if the document is unjudged.
        verdicts: The verdicts, in the order of answers, judges, repeats, criteria or orders.
        flips: Number of pairs of verdicts that contradict each other since the order changed, of ``pairwise``.
        pairs: Number of pairs of verdicts in both orders, of ``pairwise``.
        lengths: Numbers of characters of the judged answer and of the baseline's, of ``pairwise``.
        baseline: The answer that the judged one was compared with, of ``pairwise``.
        criteria: The criteria of a rubric: ``criterion``, ``points``, ``tags``, and ``met``, the share of verdicts
            that say so.
        reason: Why the document is unjudged, or what settled it; empty if it is judged.
        answers: The judged answers, for ``process_verdict``; they are not part of the record.
    """

    status: Outcome
    score: float | None = None
    label: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    flips: int = 0
    pairs: int = 0
    lengths: list[float] = field(default_factory=list)
    baseline: str = ""
    criteria: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""
    answers: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return what a sample has under ``judge``; fields without content are left out."""
        verdicts = [_filled(asdict(verdict), {"answer": 0, "attempts": 1}) for verdict in self.verdicts]
        record = {key: value for key, value in asdict(self).items() if key not in ("values", "verdicts", "answers")}
        shown = {key: value for key, value in record.items() if value not in (None, 0, "", []) or key == "score"}
        if not self.pairs:
            shown.pop("flips", None)
        return {**shown, "verdicts": verdicts}

    @classmethod
    def of_record(cls, record: Mapping[str, Any], values: Mapping[str, Any]) -> Judgement:
        """Rebuild a judgement from a saved sample.

        Args:
            record: What the sample has under ``judge``.
            values: The values of the judge's metrics in the sample.
        """
        known = {key: record[key] for key in cls.__dataclass_fields__ if key in record and key != "verdicts"}
        verdicts = [
            Verdict(**{key: item[key] for key in Verdict.__dataclass_fields__ if key in item})
            for item in record.get("verdicts", ())
        ]
        return cls(**{**known, "verdicts": verdicts, "values": dict(values)})


def _filled(fields: Mapping[str, Any], defaults: Mapping[str, object]) -> dict[str, Any]:
    return {
        key: value
        for key, value in fields.items()
        if value is not None and value != "" and (key not in defaults or value != defaults[key])
    }
