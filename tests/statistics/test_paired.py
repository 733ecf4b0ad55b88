from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.power import NormalIndPower

from lm_eval.statistics.clustered import clustered_stderr
from lm_eval.statistics.intervals import t_quantile
from lm_eval.statistics.paired import (
    Stratum,
    _resample,
    mcnemar,
    minimum_detectable_effect,
    paired_bootstrap,
    proportion_interval,
    proportion_stderr,
    stratified_bootstrap,
)

Array = Any
COUNTS = [(0, 0), (1, 0), (0, 5), (3, 9), (7, 7), (40, 61), (812, 904), (9000, 9400)]


@pytest.mark.parametrize(("wins", "losses"), COUNTS)
def test_mcnemar_agrees_exactly_with_statsmodels(wins: int, losses: int) -> None:
    table = [[100, losses], [wins, 100]]
    assert mcnemar(wins, losses).exact == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, rel=1e-8)


@pytest.mark.parametrize(("wins", "losses"), COUNTS)
def test_mid_p_counts_half_of_the_observed_table(wins: int, losses: int) -> None:
    total = wins + losses
    below = stats.binom.cdf(min(wins, losses) - 1, total, 0.5)
    expected = 1.0 if wins == losses else 2 * below + stats.binom.pmf(min(wins, losses), total, 0.5)
    assert mcnemar(wins, losses).mid == pytest.approx(expected, rel=1e-8)


def test_which_run_is_first_makes_no_difference() -> None:
    assert mcnemar(3, 11) == mcnemar(11, 3)


@cache
def _rejects(wins: int, losses: int) -> tuple[bool, bool]:
    test = mcnemar(wins, losses)
    return test.exact <= 0.05, test.mid <= 0.05


# The number of docs, and the fraction on which two equally good runs differ.
SETTINGS = [(100, 0.2), (200, 0.1), (500, 0.05), (500, 0.2), (1319, 0.1), (1319, 0.4)]


@pytest.mark.parametrize(("n", "differing"), SETTINGS)
def test_false_alarms_of_0_1_scores(n: int, differing: float) -> None:
    rng = np.random.default_rng(n)
    # Two runs of the same quality: draw twice from one probability per doc.
    chance = np.where(rng.random(n) < 2 * differing, 0.5, 1.0)
    runs = rng.random((2, 20_000, n), dtype=np.float32) < chance.astype(np.float32) if n <= 200 else None
    if runs is not None:
        wins, losses = (runs[1] & ~runs[0]).sum(axis=1), (runs[0] & ~runs[1]).sum(axis=1)
    else:
        both = rng.binomial((chance < 1).sum(), 0.5, size=20_000)
        wins = rng.binomial(both, 0.5)
        losses = both - wins
    found = np.array([_rejects(int(w), int(x)) for w, x in zip(wins, losses, strict=True)]).mean(axis=0)
    assert 0.04 <= found[1] <= 0.06, "the verdict's p-value"
    assert found[0] <= 0.05, "the exact test"


@pytest.mark.parametrize("expected", [1, 2, 5, 10, 15, 20, 30, 60, 100])
def test_false_alarms_by_the_number_of_differing_docs(expected: int) -> None:
    # Exact, without simulation: a sum over the number of differing docs and their outcomes.
    numbers = range(int(stats.poisson.ppf(1 - 1e-6, expected)) + 1)
    per_number = [sum(stats.binom.pmf(w, m, 0.5) for w in range(m + 1) if _rejects(w, m - w)[1]) for m in numbers]
    rate = sum(stats.poisson.pmf(m, expected) * alarms for m, alarms in zip(numbers, per_number, strict=True))
    assert (0.04 if expected >= 10 else 0) <= rate <= 0.05


def _tango_by_maximum_likelihood(wins: int, losses: int, n: int) -> tuple[float, float]:
    """Invert the score test, with a numerical maximum of the likelihood."""

    def score(difference: float) -> float:
        def minus_log_likelihood(loss: float) -> float:
            win, rest = loss + difference, 1 - 2 * loss - difference
            parts = ((wins, win), (losses, loss), (n - wins - losses, rest))
            return float(-sum(count * np.log(max(p, 1e-300)) for count, p in parts if count))

        bounds = (max(0.0, -difference), (1 - difference) / 2)
        loss = optimize.minimize_scalar(
            minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
        ).x
        return float((wins - losses - n * difference) / np.sqrt(n * (2 * loss + difference * (1 - difference))))

    z, middle = stats.norm.ppf(0.975), (wins - losses) / n
    low = optimize.brentq(lambda d: score(d) - z, -0.999, middle - 1e-9)
    return low, optimize.brentq(lambda d: score(d) + z, middle + 1e-9, 0.999)


@pytest.mark.parametrize(("wins", "losses", "n"), [(12, 2, 50), (3, 9, 40), (20, 30, 400), (1, 5, 12)])
def test_the_interval_contains_the_values_that_a_score_test_does_not_reject(wins: int, losses: int, n: int) -> None:
    expected = _tango_by_maximum_likelihood(wins, losses, n)
    assert proportion_interval(wins, losses, n) == pytest.approx(expected, abs=1e-5)


def test_no_change_still_has_an_interval() -> None:
    z2 = stats.norm.ppf(0.975) ** 2
    assert proportion_interval(0, 0, 50) == pytest.approx((-z2 / (50 + z2), z2 / (50 + z2)))


@pytest.mark.parametrize(("wins", "losses", "n"), [(0, 1, 1), (5, 0, 5), (0, 5, 5)])
def test_the_interval_stays_within_its_bounds(wins: int, losses: int, n: int) -> None:
    low, high = proportion_interval(wins, losses, n)
    assert -1 <= low <= (wins - losses) / n <= high <= 1


@pytest.mark.parametrize("win", [0.05, 0.1, 0.15, 0.3])
@pytest.mark.parametrize("n", [50, 200])
def test_intervals_of_0_1_scores_cover(n: int, win: float) -> None:
    rng, loss = np.random.default_rng(n), 0.1
    drawn = rng.multinomial(n, [win, loss, 1 - win - loss], size=4000)
    bounds = {(w, x): proportion_interval(w, x, n) for w, x in {(int(a), int(b)) for a, b, _ in drawn}}
    covered = [bounds[int(w), int(x)][0] <= win - loss <= bounds[int(w), int(x)][1] for w, x, _ in drawn]
    assert 0.93 <= np.mean(covered) <= 0.97


def _normal(rng: np.random.Generator, n: int) -> Array:
    return rng.normal(size=n)


def _skewed(rng: np.random.Generator, n: int) -> Array:
    return rng.exponential(size=n) - 1


def _partial_credit(rng: np.random.Generator, n: int) -> Array:
    quality = rng.beta(0.5, 0.5, n)
    return np.diff(np.clip(quality + rng.normal(0, 0.1, (2, n)), 0, 1), axis=0)[0]


def _few_grades(rng: np.random.Generator, n: int) -> Array:
    return rng.choice([0, 0.25, 0.5, 0.75, 1], n) - rng.choice([0, 0.25, 0.5, 0.75, 1], n)


def _rates(draw: Callable[[np.random.Generator], Any], simulations: int = 5000) -> tuple[float, float]:
    """Return the false-alarm rate, and how often the interval covers 0."""
    rng, alarms, covered = np.random.default_rng(7), 0, 0
    for seed in range(simulations):
        result = stratified_bootstrap(draw(rng), iterations=399, seed=seed)
        assert result.p_value is not None and result.interval is not None
        alarms += result.p_value <= 0.05
        covered += result.interval[0] <= 0 <= result.interval[1]
    return alarms / simulations, covered / simulations


@pytest.mark.parametrize(
    ("kind", "n"), [(_normal, 50), (_skewed, 50), (_partial_credit, 50), (_few_grades, 50), (_partial_credit, 100)]
)
def test_false_alarms_and_cover_of_other_scores(kind: Callable[[np.random.Generator, int], Array], n: int) -> None:
    alarms, covered = _rates(lambda rng: [Stratum(kind(rng, n))])
    assert (0.04 <= alarms <= 0.06, 0.93 <= covered <= 0.97) == (True, True), (alarms, covered)


def test_false_alarms_and_cover_of_clusters() -> None:
    clusters = np.repeat(np.arange(40), 4)
    alarms, covered = _rates(
        lambda rng: [Stratum(rng.normal(size=40)[clusters] + rng.normal(size=160), clusters.tolist())]
    )
    assert (0.04 <= alarms <= 0.06, 0.93 <= covered <= 0.97) == (True, True), (alarms, covered)


def test_false_alarms_and_cover_of_groups() -> None:
    sizes = [25, 50, 80]

    def draw(rng: np.random.Generator) -> list[Stratum]:
        runs = [(rng.random((2, n)) < 0.6).astype(float) for n in sizes]
        return [Stratum(b - a, None, 1 / 3) for a, b in runs]

    alarms, covered = _rates(draw, 3000)
    assert (0.04 <= alarms <= 0.06, 0.93 <= covered <= 0.97) == (True, True), (alarms, covered)


def test_documents_of_a_cluster_are_not_independent() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(20), 10)
    values = rng.normal(size=20)[clusters]
    alone, together = paired_bootstrap(values), paired_bootstrap(values, clusters.tolist())
    assert alone.stderr is not None and together.stderr is not None
    assert together.stderr > 2.5 * alone.stderr


def test_the_statistic_agrees_with_the_paired_t_test() -> None:
    a, b = np.random.default_rng(2).normal(size=(2, 200))
    result, expected = paired_bootstrap(b - a), stats.ttest_rel(b, a)
    assert result.stderr is not None
    assert result.difference / result.stderr == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue, abs=0.02)


def test_the_interval_is_close_to_those_of_scipy() -> None:
    values = np.random.default_rng(5).exponential(size=400)
    result = paired_bootstrap(values)
    other = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    assert result.interval == pytest.approx((other.low, other.high), abs=0.02)


def test_the_p_value_is_significant_if_and_only_if_the_interval_excludes_0() -> None:
    rng = np.random.default_rng(11)
    for shift in np.linspace(0.15, 0.25, 41):
        result = paired_bootstrap(rng.normal(shift, 1, 100))
        assert result.p_value is not None and result.interval is not None
        assert (result.p_value <= 0.05) is not (result.interval[0] <= 0 <= result.interval[1])


@pytest.mark.parametrize("docs", [100, 3000, 6000, 50_000])
def test_the_level_is_an_integer_number_of_resamples(docs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    iteration_counts = []

    def resample(units: Any, iterations: int, rng: Any) -> Any:
        iteration_counts.append(iterations)
        return _resample(units, iterations, rng)

    monkeypatch.setattr("lm_eval.statistics.paired._resample", resample)
    paired_bootstrap([0.0, 1.0] * (docs // 2))
    # Otherwise p can be 0.0501 although the interval excludes 0.
    assert [(iterations + 1) % 20 for iterations in iteration_counts] == [0]


@pytest.mark.parametrize("t", [4.0, 6.0])
def test_a_tiny_p_value_is_not_limited_by_the_number_of_resamples(t: float) -> None:
    values = np.random.default_rng(4).normal(size=300)
    values += t * values.std(ddof=1) / np.sqrt(300) - values.mean()
    expected = stats.ttest_1samp(values, 0).pvalue
    p_value = paired_bootstrap(values).p_value
    assert p_value is not None
    assert abs(np.log10(p_value / expected)) < 0.5


@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 1, 2, 3, 4, 5] * 10])
@pytest.mark.parametrize("grades", [2, 80])
def test_swapping_the_runs_only_changes_the_sign(clusters: list[int] | None, grades: int) -> None:
    values = np.random.default_rng(6).integers(-grades, grades + 3, 80) / grades
    one, other = paired_bootstrap(values, clusters), paired_bootstrap(-values, clusters)
    assert one.interval is not None and other.interval is not None
    assert (one.p_value, one.difference) == (other.p_value, -other.difference)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


def test_the_standard_error_is_the_clustered_one() -> None:
    values = np.random.default_rng(8).normal(size=60)
    clusters = np.random.default_rng(8).integers(12, size=60).tolist()
    assert paired_bootstrap(values, clusters).stderr == pytest.approx(clustered_stderr(values.tolist(), clusters))


def test_a_group_weighs_its_tasks() -> None:
    result = stratified_bootstrap([Stratum([0, 1, 1, 0.5], weight=0.25), Stratum([-1, 0, 0.1], weight=0.75)])
    assert result.difference == pytest.approx(0.25 * 2.5 / 4 - 0.75 * 0.9 / 3)


@pytest.mark.parametrize(
    ("values", "clusters", "p_value"),
    [([0.3], None, None), ([0.1] * 9, None, None), ([0.0] * 9, None, 1.0), ([0.3, 0.1], ["x", "x"], None)],
)
def test_too_few_pairs_have_no_interval(values: list[float], clusters: list[str] | None, p_value: object) -> None:
    result = paired_bootstrap(values, clusters)
    assert (result.interval, result.p_value) == (None, p_value)


def test_a_single_changed_doc_has_no_interval_and_is_not_significant() -> None:
    result = paired_bootstrap([0.0] * 19 + [0.5])
    assert result.interval is None
    assert result.p_value is not None and result.p_value > 0.05


def test_many_docs_take_fewer_resamples_and_agree() -> None:
    values = np.random.default_rng(9).normal(0.01, 1, 20_000)
    result = paired_bootstrap(values)
    assert result.interval is not None and result.stderr is not None
    half = t_quantile(0.975, 19_999) * result.stderr
    assert result.interval[1] - result.difference == pytest.approx(half, rel=0.05)


@pytest.mark.parametrize("power", [0.8, 0.9])
def test_the_detectable_effect_agrees_with_statsmodels(power: float) -> None:
    n, spread = 250, 0.6
    effect = minimum_detectable_effect(spread / np.sqrt(n), power=power)
    solved = NormalIndPower().solve_power(nobs1=n, alpha=0.05, power=power, ratio=0)
    assert effect / spread == pytest.approx(solved, rel=1e-4)


def test_the_detectable_effect_is_found_as_often_as_claimed() -> None:
    rng, n = np.random.default_rng(10), 400
    effect = minimum_detectable_effect(proportion_stderr(40, 40, n))
    drawn = rng.multinomial(n, [0.1 + effect / 2, 0.1 - effect / 2, 0.8], size=4000)
    assert np.mean([_rejects(int(w), int(x))[1] for w, x, _ in drawn]) == pytest.approx(0.8, abs=0.03)


def test_the_standard_error_of_0_1_scores_is_never_0() -> None:
    assert proportion_stderr(0, 0, 50) == pytest.approx(np.sqrt(2) / 52)
    assert proportion_stderr(300, 200, 4000) == pytest.approx(np.sqrt(0.125 - 0.025**2) / np.sqrt(4000), rel=0.01)
