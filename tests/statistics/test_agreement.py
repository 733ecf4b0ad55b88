from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from lm_eval.statistics.agreement import Level, krippendorff_alpha, same_share

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval")


def verdicts(seed: int, jurors: int, docs: int, missing: float) -> list[list[int | None]]:
    """Draw verdicts on a scale of 5 that follow the document with noise, some of them missing."""
    rng = np.random.default_rng(seed)
    drawn = np.clip(rng.integers(1, 6, docs)[:, None] + rng.integers(-1, 2, (docs, jurors)), 1, 5)
    lost = rng.random((docs, jurors)) < missing
    return [
        [None if gone else int(each) for each, gone in zip(*row, strict=True)] for row in zip(drawn, lost, strict=True)
    ]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("seed", "jurors", "missing"), [(1, 2, 0.0), (2, 3, 0.3), (3, 7, 0.6)])
def test_alpha_agrees_with_the_library(level: Level, seed: int, jurors: int, missing: float) -> None:
    units = verdicts(seed, jurors, 40, missing)
    table = np.array([[np.nan if each is None else each for each in unit] for unit in units], dtype=float).T
    expected = krippendorff.alpha(reliability_data=table, level_of_measurement=level)
    assert krippendorff_alpha(units, level) == pytest.approx(expected, abs=1e-12)


def test_labels_need_no_order() -> None:
    labels: list[list[str | None]] = [["C", "C"], ["I", "C"], ["N", "N"], ["I", "I"], ["C", None]]
    numbers = [[None if each is None else "CIN".index(each) for each in unit] for unit in labels]
    assert krippendorff_alpha(labels) == krippendorff_alpha(numbers)


@pytest.mark.parametrize("units", [[], [["a"]], [["a", None], ["b", None]], [["a", "a"], ["a", "a"]]])
def test_without_two_verdicts_that_could_differ_alpha_is_unknown(units: list[list[str | None]]) -> None:
    assert krippendorff_alpha(units) is None


def test_perfect_agreement_is_1() -> None:
    assert krippendorff_alpha([[1, 1], [2, 2], [5, 5]], "interval") == 1


def test_verdicts_at_random_have_an_alpha_near_0() -> None:
    drawn = np.random.default_rng(4).integers(0, 3, (4000, 2)).tolist()
    assert krippendorff_alpha(drawn) == pytest.approx(0, abs=0.05)


def test_an_order_of_labels_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="is a number, not 'a'"):
        krippendorff_alpha([["a", "b"]], "ordinal")


def test_each_document_counts_once_in_the_share_of_equal_verdicts() -> None:
    assert same_share([["a", "a", "b"], ["a", "a"], ["b", None]]) == pytest.approx((1 / 3 + 1) / 2)


def test_the_share_of_equal_verdicts_needs_two_verdicts() -> None:
    assert same_share([["a"], ["b", None]]) is None
