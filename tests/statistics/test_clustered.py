from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from statsmodels.api import OLS

from lm_eval.api.metrics import mean_stderr
from lm_eval.statistics.clustered import clustered, clustered_stderr
from lm_eval.statistics.intervals import wilson

RUNS = 2000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(21)


def drawn(
    rng: np.random.Generator, clusters: int, sizes: Any, right: float = 0.6, shared: float = 0.5
) -> tuple[list[float], list[int]]:
    """Draw 0/1 values; in each cluster a fraction of the docs has the same outcome."""
    of = np.repeat(np.arange(clusters), sizes)
    common = rng.random(clusters) < right
    own = rng.random(len(of)) < right
    values = np.where(rng.random(len(of)) < shared, common[of], own)
    return [float(value) for value in values], of.tolist()


def by_statsmodels(values: list[float], clusters: list[int]) -> Any:
    model = OLS(np.array(values), np.ones(len(values)))
    return model.fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)}, use_t=True)


def test_the_standard_error_agrees_with_statsmodels(rng: np.random.Generator) -> None:
    values, clusters = drawn(rng, 25, rng.integers(1, 9, size=25))
    assert clustered_stderr(values, clusters) == pytest.approx(by_statsmodels(values, clusters).bse[0], rel=1e-9)


def test_the_interval_agrees_with_statsmodels(rng: np.random.Generator) -> None:
    values, clusters = drawn(rng, 25, rng.integers(1, 9, size=25))
    found = clustered(values, clusters).interval
    assert found is not None
    expected = tuple(by_statsmodels(values, clusters).conf_int()[0])
    assert found.method == "clustered t"
    assert (found.low, found.high) == pytest.approx(expected)


def test_clusters_of_one_doc_give_the_usual_standard_error(rng: np.random.Generator) -> None:
    values = rng.random(30).tolist()
    found = clustered(values, list(range(30)))
    assert [found.stderr, found.effective_n] == pytest.approx([mean_stderr(values), 30])


def test_docs_that_always_agree_count_once_per_cluster() -> None:
    values, clusters = [1.0, 0.0, 1.0, 0.0] * 5, list(range(4)) * 5
    # 19 / 20 and 3 / 4 are the two corrections for a small sample.
    assert clustered(values, clusters).effective_n == pytest.approx(4 * (3 / 4) / (19 / 20))


def test_equal_values_of_0_or_1_get_an_interval_by_clusters() -> None:
    found = clustered([1.0] * 12, ["a", "b", "c"] * 4)
    assert found.interval is not None
    assert (found.interval.method, (found.interval.low, found.interval.high)) == ("wilson", wilson(3, 3))


@pytest.mark.parametrize("clusters", [["a"] * 3 + ["b"] * 3, ["a"] * 3 + ["b"] * 3 + ["c"] * 3])
def test_clusters_with_the_same_mean_have_no_error(clusters: list[str]) -> None:
    found = clustered([0.0, 0.0, 1.0] * (len(clusters) // 3), clusters)
    assert (found.stderr, found.effective_n, found.interval) == (0.0, None, None)


def test_equal_grades_have_no_rounding_error() -> None:
    found = clustered([0.1] * 6, list("aabbcc"))
    assert (found.stderr, found.effective_n, found.interval) == (0.0, None, None)


def test_one_cluster_has_no_error() -> None:
    found = clustered([1.0, 0.0, 0.5], ["a"] * 3)
    assert (found.stderr, found.clusters, found.effective_n, found.interval) == (None, 1, None, None)


def test_the_interval_of_a_share_stays_within_0_and_1() -> None:
    found = clustered([1.0] * 11 + [0.0], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]).interval
    assert found is not None
    assert found.high == 1.0


def test_the_interval_of_other_values_may_leave_0_and_1() -> None:
    found = clustered([1.0] * 11 + [0.0], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], trials=False).interval
    assert found is not None
    assert found.high > 1.0


@pytest.mark.parametrize(("clusters", "size"), [(30, 5), (60, 3), (200, 4)])
def test_it_covers_where_the_usual_interval_does_not(clusters: int, size: int, rng: np.random.Generator) -> None:
    hits = naive = 0
    for _ in range(RUNS):
        values, of = drawn(rng, clusters, size)
        found, mean = clustered(values, of).interval, sum(values) / len(values)
        hits += found is not None and found.low <= 0.6 <= found.high
        naive += abs(mean - 0.6) <= 1.96 * (mean * (1 - mean) / len(values)) ** 0.5
    assert 0.93 <= hits / RUNS <= 0.97
    assert naive / RUNS < 0.92
