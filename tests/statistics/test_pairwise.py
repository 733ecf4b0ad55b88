from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.api import GLM, families

from lm_eval.statistics import pairwise
from lm_eval.statistics.intervals import wilson
from lm_eval.statistics.pairwise import (
    length_controlled,
    length_controlled_rate,
    length_controlled_stderr,
    of_items,
    position_bias,
    win_rate,
)

RUNS = 400


def test_a_tie_is_half_a_win() -> None:
    found = win_rate([1, 1, 0.5, 0])
    assert found and (found.rate, found.wins, found.ties, found.losses) == (0.625, 2, 1, 1)


def test_without_ties_the_interval_is_wilsons() -> None:
    found = win_rate([1] * 30 + [0] * 10)
    assert found and found.interval and (found.interval.low, found.interval.high) == wilson(30, 40)


def test_the_interval_stays_within_0_and_1() -> None:
    found = win_rate([1] * 9 + [0.5])
    assert found and found.interval and found.interval.high == 1.0


def test_ties_only_have_no_interval() -> None:
    found = win_rate([0.5] * 10)
    assert found and found.interval is None


@pytest.mark.parametrize("function", [win_rate, position_bias])
def test_no_comparison_has_no_figure(function: object) -> None:
    assert function([]) is None  # type: ignore[operator]


@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.6, 0.2), (0.15, 0.3)])
def test_win_rates_cover(win: float, tie: float) -> None:
    drawn = np.random.default_rng(8).choice([1.0, 0.5, 0.0], size=(RUNS, 120), p=[win, tie, 1 - win - tie])
    hits = 0
    for outcomes in drawn.tolist():
        found = win_rate(outcomes)
        assert found and found.interval
        hits += found.interval.low <= win + tie / 2 <= found.interval.high
    assert 0.93 <= hits / RUNS <= 0.97


def test_a_judge_that_prefers_the_first_answer() -> None:
    found = position_bias([(1, 0), (1, 0), (1, 1), (0, 0), (0.5, 0.5), (1, 0.5), (None, 1)])
    assert found
    assert (found.n, found.consistent, found.towards_first, found.towards_second, found.flips) == (6, 3, 2, 0, 2)
    assert found.first_rate == pytest.approx((1 + 1 + 0.5 + 0.5 + 0.5 + 0.75) / 6)


def test_the_rate_of_the_first_place_covers() -> None:
    rng = np.random.default_rng(9)
    # With probability 0.2 the judge names the first answer; otherwise it says the same in both orders.
    lazy = rng.random((RUNS, 150, 2)) < 0.2
    better = rng.random((RUNS, 150)) < 0.7
    hits = 0
    for run, wins in zip(lazy.tolist(), better.tolist(), strict=True):
        pairs = [(float(one or win), float(win and not two)) for (one, two), win in zip(run, wins, strict=True)]
        found = position_bias(pairs)
        assert found and found.interval
        hits += found.interval.low <= 0.2 + 0.8 / 2 <= found.interval.high
    assert 0.93 <= hits / RUNS <= 0.97


def _length_data(rng: np.random.Generator, n: int, strength: float, effect: float) -> tuple[list[float], list[int]]:
    differences = rng.integers(-400, 900, n)
    chances = 1 / (1 + np.exp(-(strength + effect * np.tanh(differences / differences.std()))))
    return (rng.random(n) < chances).astype(float).tolist(), differences.tolist()


def _lengths(differences: list[int]) -> list[tuple[int, int]]:
    return [(1000 + each, 1000) for each in differences]


def test_the_regression_agrees_with_statsmodels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "_RIDGE", 0.0)
    outcomes, differences = _length_data(np.random.default_rng(10), 300, 0.3, 1.2)
    values = np.array(differences, dtype=float)
    design = np.column_stack([np.ones(300), np.tanh(values / values.std())])
    fit = GLM(outcomes, design, family=families.Binomial()).fit(cov_type="HC0")
    chance = 1 / (1 + np.exp(-fit.params[0]))
    stderr = fit.bse[0] * np.sqrt(300 / 298)
    low, high = 1 / (1 + np.exp(-(fit.params[0] + stats.t.ppf([0.025, 0.975], 298) * stderr)))
    found = length_controlled(outcomes, _lengths(differences))
    assert found and found.interval and found.stderr
    expected = [chance, low, high, fit.params[1], stderr * chance * (1 - chance)]
    got = [found.rate, found.interval.low, found.interval.high, found.length_effect, found.stderr]
    assert got == pytest.approx(expected, rel=1e-6)


def test_the_rate_at_equal_length_covers_where_the_judge_likes_long_answers() -> None:
    rng, hits, naive = np.random.default_rng(11), 0, 0
    for _ in range(RUNS):
        outcomes, differences = _length_data(rng, 200, -0.2, 1.0)
        found, plain = length_controlled(outcomes, _lengths(differences)), win_rate(outcomes)
        assert found and found.interval and plain and plain.interval
        truth = 1 / (1 + np.exp(0.2))
        hits += found.interval.low <= truth <= found.interval.high
        naive += plain.interval.low <= truth <= plain.interval.high
    assert 0.93 <= hits / RUNS <= 0.97
    assert naive / RUNS < 0.5


def test_equal_lengths_leave_the_win_rate_as_it_is() -> None:
    found = length_controlled([1, 0.5, 0, 1, 1, 0], [(7, 7)] * 6)
    assert found and (found.rate, found.length_effect) == pytest.approx((3.5 / 6, 0))


def test_wins_only_have_wilsons_interval() -> None:
    found = length_controlled([1] * 20, [(each, 5) for each in range(20)])
    assert found and found.interval and (found.rate, found.interval.low) == (1.0, wilson(20, 20)[0])


def test_length_that_separates_all_outcomes_gives_a_finite_effect() -> None:
    found = length_controlled([1] * 10 + [0] * 10, [(9, 1)] * 10 + [(1, 9)] * 10)
    assert found and abs(found.length_effect) < 10 and found.rate == pytest.approx(0.5)


def test_each_outcome_needs_lengths() -> None:
    with pytest.raises(ValueError, match="2 outcomes have 1 lengths"):
        length_controlled([1, 0], [(1, 1)])


def test_the_values_of_documents_give_the_rate_its_error_and_its_interval() -> None:
    outcomes, differences = _length_data(np.random.default_rng(12), 60, 0.3, 1.0)
    items = [[outcome, *lengths] for outcome, lengths in zip(outcomes, _lengths(differences), strict=True)]
    expected = length_controlled(outcomes, _lengths(differences))
    assert expected is not None and of_items(items) == expected
    assert (length_controlled_rate(items), length_controlled_stderr(items)) == (expected.rate, expected.stderr)


def test_wins_only_have_no_standard_error() -> None:
    assert length_controlled_stderr([[1, 5, 6], [1, 7, 8]]) is None
