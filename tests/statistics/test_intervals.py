from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from lm_eval.api.metrics import f1_score, matthews_corrcoef
from lm_eval.statistics.intervals import (
    bootstrap_interval,
    interval_of,
    normal_quantile,
    t_cdf,
    t_interval,
    t_quantile,
    wilson,
)
from lm_eval.statistics.resample import count_left_out, count_resamples, median_resamples

RUNS = 2000
LOW, HIGH = 0.93, 0.97


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.9, 0.975, 0.9999])
def test_normal_quantiles_agree_with_scipy(p: float) -> None:
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("df", [1, 1.5, 2, 3.7, 10, 29, 100.5, 999, 1e5, 1e6, 1e8])
@pytest.mark.parametrize("p", [1e-6, 0.025, 0.5, 0.9, 0.975, 0.995, 0.99999])
def test_t_quantiles_agree_with_scipy(p: float, df: float) -> None:
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-7)


@pytest.mark.parametrize("df", [1, 2.5, 30, 5000, 2e6])
@pytest.mark.parametrize("t", [-40.0, -2.0, 0.0, 0.1, 1.0, 12.7])
def test_the_distribution_function_of_t_agrees_with_scipy(t: float, df: float) -> None:
    assert t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (7, 20), (333, 1319), (5000, 10000)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_agrees_with_statsmodels(successes: int, n: int, level: float) -> None:
    expected = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    assert wilson(successes, n, level) == pytest.approx(expected, abs=1e-12)


def test_wilson_without_trials_is_0_to_1() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "end"), [(0, 0), (9, 1)])
def test_wilson_of_equal_trials_contains_the_observed_share(successes: int, end: int) -> None:
    low, high = wilson(successes, 9)
    assert ((low, high)[end], high - low > 0.25) == (end, True)


def test_the_t_interval_agrees_with_scipy() -> None:
    assert t_interval(3.0, 0.5, 7, 0.9) == pytest.approx(stats.t.interval(0.9, 7, 3.0, 0.5), rel=1e-9)


def test_values_of_0_and_1_use_wilson() -> None:
    found = interval_of([1.0, 0, True, 1])
    assert found is not None
    assert (found.method, (found.low, found.high)) == ("wilson", wilson(3, 4))


def test_other_values_use_t() -> None:
    values = [0.2, 0.9, 0.4, 0.4]
    found = interval_of(values)
    assert found is not None
    expected = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx(expected)


def test_0_and_1_need_not_be_trials() -> None:
    found = interval_of([0.0, 1.0, 1.0], trials=False)
    assert found is not None
    assert found.method == "t"


@pytest.mark.parametrize(
    "values", [[], [0.5], [0.5, 0.5, 0.5], [1.0, math.inf], [1.0, math.nan], [0.1] * 7, [1 / 3] * 1000]
)
def test_too_few_or_equal_values_have_no_interval(values: list[float]) -> None:
    assert interval_of(values) is None


@pytest.mark.parametrize(("p", "n"), [(0.5, 30), (0.3, 50), (0.8, 100), (0.1, 200), (0.97, 1000), (0.6, 1319)])
def test_wilson_covers(p: float, n: int) -> None:
    # No simulation is needed: each number of successes has a known probability.
    ends = np.array([wilson(successes, n) for successes in range(n + 1)])
    covered = (ends[:, 0] <= p) & (p <= ends[:, 1])
    assert LOW <= stats.binom.pmf(np.arange(n + 1), n, p)[covered].sum() <= HIGH


@pytest.mark.parametrize(
    ("name", "options", "n", "true"),
    [
        ("gamma", {"shape": 2.0}, 60, 2.0),
        ("beta", {"a": 0.5, "b": 1.5}, 100, 0.25),
        ("uniform", {}, 10, 0.5),
        ("exponential", {}, 200, 1.0),
    ],
)
def test_t_covers(name: str, options: dict[str, float], n: int, true: float, rng: np.random.Generator) -> None:
    drawn = getattr(rng, name)(size=(RUNS, n), **options)
    found = [interval_of(values) for values in drawn.tolist()]
    assert LOW <= np.mean([ends is not None and ends.low <= true <= ends.high for ends in found]) <= HIGH


def test_the_bootstrap_interval_agrees_with_scipy(rng: np.random.Generator) -> None:
    values = rng.exponential(size=40)
    ends = stats.bootstrap((values,), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(1))
    left_out = (values.sum() - values) / (len(values) - 1)
    found = bootstrap_interval(ends.bootstrap_distribution, estimate=float(values.mean()), jackknife=left_out)
    assert found == pytest.approx(tuple(ends.confidence_interval), rel=1e-3)


def test_without_the_score_left_out_docs_the_percentiles_are_plain(rng: np.random.Generator) -> None:
    scores = rng.normal(size=999)
    assert bootstrap_interval(scores) == pytest.approx(tuple(np.quantile(scores, [0.025, 0.975])))


def test_resamples_on_one_side_fall_back_to_plain_percentiles() -> None:
    scores = np.linspace(0.0, 1.0, 101).astype(np.float64)
    assert bootstrap_interval(scores, estimate=2.0, jackknife=scores) == pytest.approx((0.025, 0.975))


@pytest.mark.parametrize("score", [f1_score, matthews_corrcoef])
def test_the_bootstrap_covers(score: object, rng: np.random.Generator) -> None:
    probabilities, pairs = np.array([0.5, 0.15, 0.1, 0.25]), [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert callable(score)
    true = score([pair for pair, p in zip(pairs, probabilities, strict=True) for _ in range(round(100 * p))])
    hits = 0
    for counts in rng.multinomial(120, probabilities, size=RUNS):
        xs = [pair for pair, count in zip(pairs, counts, strict=True) for _ in range(count)]
        scores, left_out = count_resamples(score, xs, 1000), count_left_out(score, xs)
        low, high = bootstrap_interval(scores, estimate=score(xs), jackknife=left_out)
        hits += low <= true <= high
    assert LOW <= hits / RUNS <= HIGH


def test_the_bootstrap_of_a_median_covers(rng: np.random.Generator) -> None:
    found = [bootstrap_interval(median_resamples(values, 1000)) for values in rng.exponential(size=(RUNS, 101))]
    assert LOW <= np.mean([low <= math.log(2) <= high for low, high in found]) <= HIGH
