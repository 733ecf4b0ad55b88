from __future__ import annotations

import math

import numpy as np
import pandas
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from lm_eval.statistics.judged import judged_mean, mean_bounds

RUNS = 400


@pytest.mark.parametrize(("accuracy", "repeats", "docs"), [(0.95, 1, 150), (0.8, 3, 150), (0.7, 5, 60)])
def test_intervals_cover_the_mean_of_a_judge_of_known_accuracy(accuracy: float, repeats: int, docs: int) -> None:
    rng = np.random.default_rng(repeats)
    right = rng.random((RUNS, docs, 1)) < 0.6
    says = np.where(rng.random((RUNS, docs, repeats)) < accuracy, right, ~right).astype(float)
    expected = 0.6 * accuracy + 0.4 * (1 - accuracy)
    hits = 0
    for run in says.tolist():
        found = judged_mean(run)
        assert found is not None and found.interval is not None
        hits += found.interval.low <= expected <= found.interval.high
    assert 0.93 <= hits / RUNS <= 0.97


def test_the_parts_of_the_error_agree_with_an_analysis_of_variance() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(30, 1)) + rng.normal(size=(30, 4))
    data = pandas.DataFrame({"y": values.ravel(), "doc": np.repeat(np.arange(30), 4)})
    table = anova_lm(ols("y ~ C(doc)", data).fit())
    between, within = table["mean_sq"]
    found = judged_mean(values.tolist())
    assert found is not None and found.stderr_documents is not None
    expected = [math.sqrt(part / (30 * 4)) for part in (between, within, between - within)]
    assert [found.stderr, found.stderr_judge, found.stderr_documents] == pytest.approx(expected)


def test_verdicts_on_one_document_are_not_more_documents() -> None:
    once, often = judged_mean([[1.0], [0.0], [1.0], [0.0]]), judged_mean([[1.0] * 9, [0.0] * 9, [1.0] * 9, [0.0] * 9])
    assert once and often
    assert (often.stderr, often.stderr_judge, often.n) == (once.stderr, 0.0, 4)


def test_missing_verdicts_count_for_nothing() -> None:
    assert judged_mean([[1.0, None], [None, None], [0.0, 0.0]]) == judged_mean([[1.0], [0.0, 0.0]])


def test_one_document_has_no_standard_error() -> None:
    found = judged_mean([[1.0, 0.0]])
    assert found is not None and (found.mean, found.stderr, found.stderr_judge) == (0.5, None, None)


def test_without_verdicts_there_is_no_mean() -> None:
    assert judged_mean([[None], []]) is None


def test_the_bounds_put_unjudged_documents_at_both_ends_of_the_scale() -> None:
    assert mean_bounds(6.0, 8, 2, 1, 10) == pytest.approx((5.0, 6.8))


@pytest.mark.parametrize(("judged", "unjudged", "expected"), [(0, 0, None), (0, 3, (0, 1)), (5, 0, (0.4, 0.4))])
def test_bounds_at_the_edges(judged: int, unjudged: int, expected: tuple[float, float] | None) -> None:
    assert mean_bounds(0.4 if judged else None, judged, unjudged, 0, 1) == expected
