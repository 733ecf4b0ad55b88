"""What the page shows of a judge: the verdicts on a document, its label, and how far the verdicts differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval.config.redact import redact
from lm_eval.reports.html.packing import finite, to_text
from lm_eval.results import Sample
from lm_eval.results.json_values import as_list, as_mapping
from lm_eval.statistics.agreement import same_share

__all__ = ["Judged", "judged"]

_TEXTS = ("juror", "status", "label", "text", "reasoning", "first", "error")
_NUMBERS = ("repeat", "score", "attempts", "answer", "criterion")


@dataclass(frozen=True, slots=True)
class Judged:
    """The judgement of a document.

    Attributes:
        data: What the page shows, under the keys of the sample's ``judge``.
        label: Its label, for the list; empty without one.
        unjudged: Whether it has no score.
        differ: How far verdicts on the same thing differ: the largest difference of their scores, plus the share of
            pairs with different labels; 0 where all agree.
    """

    data: dict[str, object]
    label: str
    unjudged: bool
    differ: float


def judged(sample: Sample) -> Judged | None:
    """Read the judgement of a document.

    Args:
        sample: A sample of the document.

    Returns:
        The judgement; None for a document of a task without a judge.
    """
    given = sample.line.get("judge")
    if not isinstance(given, Mapping):
        return None
    given = redact(given)
    verdicts = [as_mapping(entry) for entry in as_list(given.get("verdicts"))]
    status, label = str(given.get("status") or ""), given.get("label")
    data: dict[str, object] = {"status": status, "score": finite(given.get("score"))}
    data |= {name: str(given[name]) for name in ("label", "reason") if given.get(name)}
    data |= {name: number for name in ("flips", "pairs") if (number := finite(given.get(name)))}
    data |= {"baseline": to_text(given["baseline"])} if given.get("baseline") else {}
    data["verdicts"] = [_verdict(entry) for entry in verdicts]
    if criteria := [as_mapping(entry) for entry in as_list(given.get("criteria"))]:
        data["criteria"] = [
            {
                "criterion": to_text(entry.get("criterion") or ""),
                "points": finite(entry.get("points")),
                "met": finite(entry.get("met")),
                "tags": [str(tag) for tag in as_list(entry.get("tags"))],
            }
            for entry in criteria
        ]
    return Judged(data, "" if label is None else str(label), status == "unjudged", _differ(verdicts))


def _verdict(entry: Mapping[str, object]) -> dict[str, object]:
    shown: dict[str, object] = {name: to_text(entry[name]) for name in _TEXTS if entry.get(name)}
    return shown | {name: number for name in _NUMBERS if (number := finite(entry.get(name))) is not None}


def _differ(verdicts: Sequence[Mapping[str, object]]) -> float:
    """Return how far verdicts differ, over those about the same answer and criterion."""
    scores: dict[tuple[object, object], list[float]] = {}
    labels: dict[tuple[object, object, object], list[str]] = {}
    for entry in verdicts:
        score, about = finite(entry.get("score")), (entry.get("answer", 0), entry.get("criterion"))
        if score is not None:
            scores.setdefault(about, []).append(score)
            # Of two answers, the label depends on the order; the score does not.
            labels.setdefault((*about, entry.get("first")), []).append(str(entry.get("label")))
    spread = max((max(each) - min(each) for each in scores.values()), default=0.0)
    same = same_share(list(labels.values()))
    return spread + (0.0 if same is None else 1 - same)
