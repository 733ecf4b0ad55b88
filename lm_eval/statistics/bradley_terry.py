"""Strengths of several models from comparisons of two answers (Bradley and Terry, 1952)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from lm_eval.statistics.intervals import LEVEL, Interval, t_quantile

__all__ = ["Comparison", "Strength", "bradley_terry"]

_MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of two models' answers to the same document.

    Attributes:
        one: The first model.
        other: The second model.
        outcome: 1 if the first wins, 0.5 for a tie, 0 if it loses, or a probability.
        document: The document. Comparisons on one document depend on each other.
    """

    one: str
    other: str
    outcome: float
    document: Hashable


@dataclass(frozen=True, slots=True)
class Strength:
    """The strength of a model.

    Attributes:
        log_odds: The log odds that the model wins against one of average strength: 0 is the mean over models.
        stderr: The standard error of ``log_odds``.
        rate: The expected win rate against a model of average strength, from 0 to 1.
        interval: The interval of ``rate``; None when the outcomes have no spread, such as ties only.
    """

    log_odds: float
    stderr: float
    rate: float
    interval: Interval | None


def bradley_terry(comparisons: Sequence[Comparison], level: float = LEVEL) -> Mapping[str, Strength]:
    """Estimate the strengths of models by maximum likelihood.

    The log odds that one model wins against another are the difference of their strengths. A tie counts as half a win
    for each, as usual for arenas. The variance is the sandwich estimator with documents as clusters, with the
    correction for few clusters; so models that meet on the same documents do not count as independent comparisons.

    Args:
        comparisons: The comparisons.
        level: Coverage probability.

    Returns:
        Model to its strength, the strongest first.

    Raises:
        ValueError: The comparisons do not determine the strengths: there is one document only, some models never met,
            or some models never lost a point to the others, so that no finite strength fits.
    """
    import numpy as np

    names = sorted({name for each in comparisons for name in (each.one, each.other)})
    places = {name: place for place, name in enumerate(names)}
    documents = {document: row for row, document in enumerate(dict.fromkeys(each.document for each in comparisons))}
    if len(documents) < 2:
        raise ValueError("strengths need comparisons on at least two documents")
    ones = np.array([places[each.one] for each in comparisons])
    others = np.array([places[each.other] for each in comparisons])
    outcomes = np.array([each.outcome for each in comparisons], dtype=np.float64)
    rows = np.array([documents[each.document] for each in comparisons])
    points = np.zeros((len(names), len(names)))
    np.add.at(points, (ones, others), outcomes)
    np.add.at(points, (others, ones), 1 - outcomes)
    if unbeaten := _unbeaten(names, points.tolist()):
        raise ValueError(f"no finite strength fits: {', '.join(unbeaten)} lost no point to the other models")
    games = points + points.T
    strengths = np.zeros(len(names))
    for _ in range(_MAX_STEPS):
        chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        information = games * chances * (1 - chances)
        hessian = np.diag(information.sum(axis=1)) - information
        # Only differences are determined; the pseudo-inverse keeps the mean at 0.
        inverse = np.linalg.pinv(hessian, hermitian=True)
        step = inverse @ (points - games * chances).sum(axis=1)
        # A limited step keeps Newton's method from leaving the region where the likelihood is not flat.
        strengths = strengths + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-10:
            break
    residuals = outcomes - 1 / (1 + np.exp(strengths[others] - strengths[ones]))
    scores = np.zeros((len(documents), len(names)))
    np.add.at(scores, (rows, ones), residuals)
    np.add.at(scores, (rows, others), -residuals)
    variance = inverse @ (scores.T @ scores) @ inverse * len(documents) / (len(documents) - 1)
    t = t_quantile((1 + level) / 2, len(documents) - 1)
    found = {}
    for place in np.argsort(-strengths, kind="stable"):
        centre, stderr = float(strengths[place]), math.sqrt(max(0.0, float(variance[place, place])))
        low, rate, high = (1 / (1 + math.exp(-(centre + shift))) for shift in (-t * stderr, 0.0, t * stderr))
        interval = Interval(low, high, "logistic") if stderr else None
        found[names[place]] = Strength(centre, stderr, rate, interval)
    return found


def _unbeaten(names: Sequence[str], points: Sequence[Sequence[float]]) -> list[str]:
    """Return models that lost no point to the others: the likelihood then grows without end (Ford, 1957).

    The likelihood has a maximum exactly if, in the graph of "has a point against", each model reaches every other.
    """
    for start in range(len(names)):
        reached, waiting = {start}, [start]
        while waiting:
            beaten = waiting.pop()
            for rival, row in enumerate(points):
                if rival not in reached and row[beaten] > 0:
                    reached.add(rival)
                    waiting.append(rival)
        if len(reached) < len(names):
            return [names[place] for place in sorted(reached)]
    return []
