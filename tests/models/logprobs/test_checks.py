from __future__ import annotations

import math

import pytest

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import Block, TopToken
from lm_eval.models.logprobs.checks import LogLikelihood, check_top_tokens, sum_logprobs


def block(values: list[float | None], tops: list[float | None]) -> Block:
    return Block("", ["t"] * len(values), values, tops)


def test_a_sum_and_whether_every_token_is_the_likeliest() -> None:
    assert sum_logprobs(block([None, -1.0, -2.0], [None, -1.0, -2.0]), 1, 3) == LogLikelihood(-3.0, True)
    assert sum_logprobs(block([None, -1.0, -2.0], [None, -1.0, -0.5]), 1, 3) == LogLikelihood(-3.0, False)


@pytest.mark.parametrize(
    ("value", "what"),
    [(None, "no log-probability"), (math.nan, "nan"), (-math.inf, "-inf"), (0.5, "positive")],
)
def test_values_that_no_log_probability_can_have_are_refused(value: float | None, what: str) -> None:
    with pytest.raises(CheckFailed, match=what):
        sum_logprobs(block([-1.0, value], [-1.0, -0.1]), 0, 2)


def test_rounding_above_zero_is_accepted() -> None:
    assert sum_logprobs(block([1e-6], [1e-6]), 0, 1).greedy


def test_without_alternatives_is_greedy_is_unknown() -> None:
    with pytest.raises(CheckFailed, match="is_greedy"):
        sum_logprobs(block([-1.0], [None]), 0, 1)


def test_a_continuation_without_tokens_is_refused() -> None:
    with pytest.raises(CheckFailed, match="No token"):
        sum_logprobs(block([-1.0], [-1.0]), 1, 1)


def test_alternatives_more_probable_than_1_together_are_refused() -> None:
    with pytest.raises(CheckFailed, match="together"):
        check_top_tokens([TopToken("a", -0.1), TopToken("b", -0.2)], "")
    with pytest.raises(CheckFailed, match="no alternatives"):
        check_top_tokens([], "")
