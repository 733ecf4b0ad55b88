from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from lm_eval.errors import ConfigError
from lm_eval.statistics.intervals import interval_of
from lm_eval.statistics.repeats import OverRepeats, pass_at_k, repeats_share

RUNS = 2000


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(22)


@pytest.mark.parametrize(("total", "correct", "k"), [(5, 0, 2), (5, 2, 1), (6, 3, 3), (7, 1, 7), (8, 8, 4), (9, 4, 6)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer(total: int, correct: int, k: int) -> None:
    samples = [1] * correct + [0] * (total - correct)
    chosen = list(combinations(samples, k))
    assert pass_at_k(total, correct, k) == pytest.approx(sum(map(max, chosen)) / len(chosen))


@pytest.mark.parametrize("written", ["pass@0", "pass@", "best@2", "pass@2.5", "PASS@2", "pass", 4, None])
def test_unknown_combinations_are_refused(written: Any) -> None:
    with pytest.raises(ConfigError, match="none of mean@k, pass@k and maj@k"):
        OverRepeats.parse(written, 8)


def test_more_repeats_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="pass@9 needs 'repeats' to be at least 9, it is 8"):
        OverRepeats.parse("pass@9", 8)


@pytest.mark.parametrize("written", ["mean@8", "pass@1", "maj@3"])
def test_the_name_is_unchanged(written: str) -> None:
    assert OverRepeats.parse(written, 8).name == written


@pytest.mark.parametrize(
    ("written", "values", "answers", "expected"),
    [
        ("mean@2", [1, 0, 0, 0], "abcd", 0.5),
        ("mean@4", [0.5, 0.25, 0, 0.25], "abcd", 0.25),
        ("pass@1", [1, 0, 0, 0], "abcd", 0.25),
        ("pass@2", [1, 0, 0, 0], "abcd", 0.5),
        ("pass@4", [0, 0, 0, 1], "abcd", 1.0),
        ("maj@3", [1, 0, 0, 0], "abbb", 0.0),
        ("maj@4", [0, 1, 0, 1], "abab", 0.0),
        ("maj@2", [1, 0, 0, 0], "abbb", 1.0),
        ("maj@3", [0, 1, 1], [["x"], ["y"], ["y"]], 1.0),
    ],
)
def test_repeats_are_combined(written: str, values: list[float], answers: Any, expected: float) -> None:
    assert OverRepeats.parse(written, len(values)).combine(values, list(answers)) == expected


def test_pass_at_k_of_grades_is_refused() -> None:
    with pytest.raises(ValueError, match="needs values that are 0 or 1"):
        OverRepeats("pass", 2).combine([1, 0.5], ["a", "b"])


def test_too_few_repeats_are_refused() -> None:
    with pytest.raises(ValueError, match="of only 1 repeats"):
        OverRepeats("mean", 2).combine([1], ["a"])


def test_the_estimated_share_of_repeats_is_that_of_the_simulation(rng: np.random.Generator) -> None:
    # The probability of a right answer is uniform over docs: its variance is 1/12, the variance within a doc is 1/6.
    docs, k = 20_000, 4
    values = rng.random((docs, k)) < rng.random((docs, 1))
    assert repeats_share(values.astype(float).tolist()) == pytest.approx(1 / 6 / k / (1 / 12 + 1 / 6 / k), abs=0.01)


@pytest.mark.parametrize("values", [[], [[1.0, 0.0]], [[1.0], [0.0]], [[1.0, 0.0], [0.0, 1.0]]])
def test_too_few_repeats_have_no_share(values: list[list[float]]) -> None:
    assert repeats_share(values) is None


@pytest.mark.parametrize("written", ["mean@8", "pass@4"])
def test_the_error_over_docs_covers(written: str, rng: np.random.Generator) -> None:
    # 150 docs with probabilities from Beta(2, 2), whose mean is 1/2 and E[(1 - p)^4] = 1/7.
    repeats, docs, how = 8, 150, OverRepeats.parse(written, 8)
    true = 0.5 if how.kind == "mean" else 1 - 1 / 7
    right = rng.binomial(repeats, rng.beta(2, 2, size=(RUNS, docs)))
    value = [how.combine([1.0] * count + [0.0] * (repeats - count), [""] * repeats) for count in range(repeats + 1)]
    found = [interval_of([value[count] for count in row]) for row in right.tolist()]
    assert 0.93 <= np.mean([ends is not None and ends.low <= true <= ends.high for ends in found]) <= 0.97
