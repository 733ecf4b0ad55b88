from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.filters.selection import MajorityVoteFilter, TakeFirstFilter, TakeKFilter


def test_take_first_unwraps() -> None:
    assert TakeFirstFilter().apply([["a", "b"], ["c"]], [{}, {}]) == ["a", "c"]


def test_take_first_k_keeps_a_list() -> None:
    assert TakeKFilter(k=2).apply([["a", "b", "c"]], [{}]) == [["a", "b"]]


def test_take_first_k_of_too_few_repeats_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="'repeats' to at least 2"):
        TakeKFilter(k=2).apply([["a"]], [{}])


def test_take_first_k_needs_k() -> None:
    with pytest.raises(ConfigError, match="needs 'k'"):
        TakeKFilter()


def test_majority_vote_prefers_the_first_in_a_tie() -> None:
    assert MajorityVoteFilter().apply([["a", "b", "b"], ["x", "y"]], [{}, {}]) == [["b"], ["x"]]
