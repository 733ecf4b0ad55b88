from __future__ import annotations

import choix
import numpy as np
import pytest
from statsmodels.api import GLM, families

from lm_eval.statistics.bradley_terry import Comparison, bradley_terry

NAMES = ["a", "b", "c", "d"]
TRUE = np.array([0.8, 0.3, -0.2, -0.9])
RUNS = 300


def drawn(rng: np.random.Generator, docs: int, ties: float = 0.0) -> list[Comparison]:
    """Let all models meet on each document; a document shifts all outcomes of model a."""
    found = []
    for doc in range(docs):
        for one in range(4):
            for other in range(one):
                chance = 1 / (1 + np.exp(TRUE[other] - TRUE[one]))
                outcome = 0.5 if rng.random() < ties else float(rng.random() < chance)
                found.append(Comparison(NAMES[one], NAMES[other], outcome, doc))
    return found


def test_strengths_agree_with_the_library() -> None:
    comparisons = drawn(np.random.default_rng(1), 60)
    pairs = [(each.one, each.other) if each.outcome else (each.other, each.one) for each in comparisons]
    winners = [(NAMES.index(winner), NAMES.index(loser)) for winner, loser in pairs]
    expected = choix.ilsr_pairwise(4, winners)
    found = bradley_terry(comparisons)
    assert [found[name].log_odds for name in NAMES] == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_a_tie_counts_as_half_a_win_for_each() -> None:
    comparisons = drawn(np.random.default_rng(2), 40, ties=0.4)
    points = np.zeros((4, 4))
    for each in comparisons:
        one, other = NAMES.index(each.one), NAMES.index(each.other)
        points[one, other] += each.outcome
        points[other, one] += 1 - each.outcome
    expected = choix.ilsr_pairwise_dense(points)
    found = bradley_terry(comparisons)
    assert [found[name].log_odds for name in NAMES] == pytest.approx(expected - expected.mean(), abs=1e-6)


def test_standard_errors_agree_with_statsmodels() -> None:
    comparisons = drawn(np.random.default_rng(3), 50)
    design = np.zeros((len(comparisons), 4))
    for row, each in zip(design, comparisons, strict=True):
        row[NAMES.index(each.one)], row[NAMES.index(each.other)] = 1, -1
    # The last strength is minus the sum of the others, so that the mean is 0.
    to_free = np.vstack([np.eye(3), -np.ones(3)])
    fit = GLM([each.outcome for each in comparisons], design @ to_free, family=families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": np.array([each.document for each in comparisons], dtype=int)}
    )
    # statsmodels also corrects for the number of parameters.
    n = len(comparisons)
    expected = np.sqrt(np.diag(to_free @ fit.cov_params() @ to_free.T) * (n - 3) / (n - 1))
    found = bradley_terry(comparisons)
    assert [found[name].stderr for name in NAMES] == pytest.approx(expected, rel=1e-6)


def test_intervals_cover() -> None:
    rng, hits = np.random.default_rng(4), np.zeros(4)
    for _ in range(RUNS):
        found = bradley_terry(drawn(rng, 50))
        rates = 1 / (1 + np.exp(-TRUE))
        for place, rate in enumerate(rates):
            interval = found[NAMES[place]].interval
            assert interval is not None
            hits[place] += interval.low <= rate <= interval.high
    assert 0.93 <= hits.mean() / RUNS <= 0.97


def test_the_strongest_comes_first() -> None:
    assert list(bradley_terry(drawn(np.random.default_rng(5), 400))) == NAMES


def test_two_models_have_the_win_rate_between_them() -> None:
    found = bradley_terry([Comparison("a", "b", outcome, doc) for doc, outcome in enumerate([1, 1, 1, 0, 0.5])])
    between = found["a"].log_odds - found["b"].log_odds
    assert 1 / (1 + np.exp(-between)) == pytest.approx(3.5 / 5)


def test_a_model_that_always_wins_has_no_finite_strength() -> None:
    comparisons = [Comparison("a", "b", 1, 0), Comparison("b", "c", 1, 1), Comparison("c", "b", 1, 2)]
    with pytest.raises(ValueError, match="no finite strength fits: a lost no point"):
        bradley_terry(comparisons)


def test_models_that_never_met_have_no_strengths() -> None:
    comparisons = [Comparison(*pair, 0.5, doc) for doc, pair in enumerate([("a", "b"), ("c", "d")])]
    with pytest.raises(ValueError, match="no finite strength"):
        bradley_terry(comparisons)


@pytest.mark.parametrize("comparisons", [[], [Comparison("a", "b", 0.5, 1)]])
def test_one_document_is_too_few(comparisons: list[Comparison]) -> None:
    with pytest.raises(ValueError, match="at least two documents"):
        bradley_terry(comparisons)


def test_ties_only_have_no_interval() -> None:
    found = bradley_terry([Comparison("a", "b", 0.5, doc) for doc in range(9)])
    assert (found["a"].rate, found["a"].interval) == (0.5, None)
