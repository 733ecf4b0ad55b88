from __future__ import annotations

import random

import pytest
from statsmodels.stats.multitest import multipletests

from lm_eval.statistics.multiple import holm


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_holm_agrees_with_statsmodels(count: int) -> None:
    rng = random.Random(count)
    p_values = [rng.random() ** 3 for _ in range(count)]
    p_values[-1] = p_values[0]
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_nothing_to_correct() -> None:
    assert holm([]) == []


def test_the_family_wise_error_rate_is_that_of_one_test() -> None:
    # Repeat 20 tests without an effect: how often is at least one significant?
    rng = random.Random(3)
    alarms = sum(min(holm([rng.random() for _ in range(20)])) <= 0.05 for _ in range(4000))
    assert 0.04 <= alarms / 4000 <= 0.06
