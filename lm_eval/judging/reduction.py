"""From the verdicts on a document to its judgement."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.instance import Doc
from lm_eval.api.verdicts import Judgement, Verdict
from lm_eval.config.scorer import Criterion, ScorerSpec
from lm_eval.errors import LMEvalError
from lm_eval.text import shorten

__all__ = ["judgement_of", "settled", "unjudged"]

_Place = tuple[int, str, int]
"""Answer, judge and repeat."""


def unjudged(reason: str, verdicts: Sequence[Verdict] = ()) -> Judgement:
    """Return the judgement of a document without a score.

    Args:
        reason: Why there is none.
        verdicts: The verdicts that there are.
    """
    return Judgement("unjudged", reason=reason, verdicts=list(verdicts))


def settled(spec: ScorerSpec, metric: str, value: float) -> Judgement:
    """Return the judgement of a document that another metric settles.

    Args:
        spec: The ``scorer`` of the task.
        metric: The other metric.
        value: Its value, which becomes the score.
    """
    label = next((name for name, score in spec.verdict.labels.items() if score == value), None)
    shares = {} if label is None else {label: 1.0}
    values = {item.metric: _value(item.value, value, label, shares, 0.0) for item in spec.metrics}
    found = {name: each for name, each in values.items() if each is not None}
    return Judgement("settled", value, label, found, reason=f"{metric} is {value:g}")


def judgement_of(
    spec: ScorerSpec,
    doc: Doc,
    verdicts: Sequence[Verdict],
    criteria: Sequence[Criterion] = (),
    lengths: Sequence[float] = (),
    answers: Sequence[str] = (),
) -> Judgement:
    """Combine the verdicts on a document.

    Repeats are combined first, then judges, then answers (always by their mean). A repeat of a rubric counts if all its
    criteria have a verdict, one of ``pairwise`` if both orders have one.

    Args:
        spec: The ``scorer`` of the task.
        doc: The document.
        verdicts: All verdicts.
        criteria: The criteria, of a rubric.
        lengths: Numbers of characters of the answer and of the baseline's, of ``pairwise``.
        answers: The judged answers, for ``process_verdict``.

    Returns:
        The judgement; it is ``unjudged`` if an answer has no verdict that counts.
    """
    places: dict[_Place, list[Verdict]] = {}
    for verdict in verdicts:
        places.setdefault((verdict.answer, verdict.juror, verdict.repeat), []).append(verdict)
    scores = {place: _score(spec, found, criteria) for place, found in places.items()}
    by_answer = [
        _combined(spec, {place: score for place, score in scores.items() if place[0] == answer}, places)
        for answer in dict.fromkeys(answer for answer, _, _ in places)
    ]
    if not by_answer or any(score is None for score in by_answer):
        reason = next((verdict.error for verdict in verdicts if verdict.error), "no verdict counts")
        return unjudged(reason, verdicts)
    score = math.fsum(each for each in by_answer if each is not None) / len(by_answer)
    counted = [verdict for place, found in places.items() if scores[place] is not None for verdict in found]
    one_each = spec.verdict.kind not in ("rubric", "pairwise")
    shares = _shares(verdict.label for verdict in counted)
    pairs = [found for place, found in places.items() if scores[place] is not None and len(found) == 2]
    flips = sum(_flips(found) for found in pairs) if spec.verdict.kind == "pairwise" else 0
    judgement = Judgement(
        "judged",
        score,
        _most(shares) if one_each else None,
        verdicts=list(verdicts),
        flips=flips,
        pairs=len(pairs) if spec.verdict.kind == "pairwise" else 0,
        lengths=list(lengths),
        criteria=[_met(criterion, index, counted) for index, criterion in enumerate(criteria)],
        answers=list(answers),
    )
    return _with_values(spec, doc, judgement, shares, _weighted(spec, pairs))


def _weighted(spec: ScorerSpec, pairs: Sequence[Sequence[Verdict]]) -> list[float] | None:
    """Return the weighted scores and the weights of a pair of verdicts, each the mean over all pairs."""
    if spec.verdict.kind != "pairwise" or not pairs:
        return None
    weights = spec.verdict.weights
    counts = [(weights.get(verdict.label or "", 1.0), verdict.score or 0.0) for pair in pairs for verdict in pair]
    won = math.fsum(weight * score for weight, score in counts)
    return [won / len(pairs), math.fsum(weight for weight, _ in counts) / len(pairs)]


def _score(spec: ScorerSpec, verdicts: Sequence[Verdict], criteria: Sequence[Criterion]) -> float | None:
    """Return the score that one judge gave an answer once; None if a part of it is missing."""
    found = [verdict.score for verdict in verdicts if verdict.score is not None]
    kind = spec.verdict.kind
    if len(found) < len(verdicts) or len(found) != {"rubric": len(criteria), "pairwise": 2}.get(kind, 1):
        return None
    if kind == "rubric":
        met = {verdict.criterion: verdict.score for verdict in verdicts}
        points = math.fsum(criterion.points * (met[index] or 0.0) for index, criterion in enumerate(criteria))
        return points / math.fsum(criterion.points for criterion in criteria if criterion.points > 0)
    if kind == "pairwise":
        return 0.5 if _flips(verdicts) else math.fsum(found) / 2
    return found[0]


def _flips(pair: Sequence[Verdict]) -> bool:
    """Whether two verdicts in both orders name different winners."""
    low, high = sorted(verdict.score or 0.0 for verdict in pair)
    return low < 0.5 < high


def _combined(
    spec: ScorerSpec, scores: Mapping[_Place, float | None], places: Mapping[_Place, Sequence[Verdict]]
) -> float | None:
    """Combine repeats, then judges; None without a score."""
    if spec.reduce == "majority":
        counted = {place: score for place, score in scores.items() if score is not None}
        return _by_majority(list(counted.values()))
    reduce = statistics.median if spec.reduce == "median" else statistics.fmean
    by_juror: dict[str, list[float]] = {}
    for (_, juror, _), score in scores.items():
        if score is not None:
            by_juror.setdefault(juror, []).append(score)
    return reduce([reduce(each) for each in by_juror.values()]) if by_juror else None


def _by_majority(scores: Sequence[float]) -> float | None:
    """Return the most frequent score; of a tie, the mean of the tied ones."""
    return statistics.fmean(statistics.multimode(scores)) if scores else None


def _shares(labels: Iterable[str | None]) -> dict[str, float]:
    counts = Counter(label for label in labels if label is not None)
    return {label: count / counts.total() for label, count in counts.items()}


def _most(shares: Mapping[str, float]) -> str | None:
    best = [label for label, share in shares.items() if share == max(shares.values())]
    return best[0] if len(best) == 1 else None


def _met(criterion: Criterion, index: int, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    given = [verdict.score or 0.0 for verdict in verdicts if verdict.criterion == index]
    found: dict[str, Any] = {"criterion": criterion.text, "points": criterion.points, "met": statistics.fmean(given)}
    return found | ({"tags": list(criterion.tags)} if criterion.tags else {})


def _with_values(
    spec: ScorerSpec, doc: Doc, judgement: Judgement, shares: Mapping[str, float], weighted: list[float] | None
) -> Judgement:
    """Add the values of the metrics; if the task's own function fails, the document is unjudged."""
    flips = judgement.flips / judgement.pairs if judgement.pairs else 0.0
    own: Mapping[str, Any] = {}
    if spec.process_verdict is not None:
        try:
            own = dict(spec.process_verdict(doc, judgement))
        except (Exception, SystemExit) as error:
            said = str(error) if isinstance(error, LMEvalError) else f"{type(error).__name__}: {error}"
            return unjudged(f"process_verdict failed: {shorten(said, 200)}", judgement.verdicts)
    values = {
        item.metric: own.get(item.metric)
        if item.value == "custom"
        else weighted
        if item.value == "weighted"
        else _value(item.value, judgement.score, judgement.label, shares, flips, judgement.lengths)
        for item in spec.metrics
    }
    judgement.values = {name: value for name, value in values.items() if value is not None}
    return judgement


def _value(
    wanted: str | Mapping[str, str],
    score: float | None,
    label: str | None,
    shares: Mapping[str, float],
    flips: float,
    lengths: Sequence[float] = (),
) -> object:
    if isinstance(wanted, Mapping):
        return shares.get(wanted["label"], 0.0)
    if wanted == "lengths":
        return [score, *lengths] if lengths else None
    return {"score": score, "label": label, "flip": flips}.get(wanted)
