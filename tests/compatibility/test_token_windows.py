from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval import utils

# (tokens, max_seq_len, context_len) to the windows of the reference harness; the prefix token is 99.
RECORDED = {
    (0, 4, 1): [],
    (3, 4, 1): [([99, 0, 1], [0, 1, 2])],
    (10, 4, 1): [([99, 0, 1, 2], [0, 1, 2, 3]), ([3, 4, 5, 6], [4, 5, 6, 7]), ([5, 6, 7, 8], [8, 9])],
    (10, 4, 2): [([99, 0, 1, 2], [0, 1, 2, 3]), ([2, 3, 4, 5], [4, 5, 6]), ([5, 6, 7, 8], [7, 8, 9])],
    (7, 3, 3): [([99, 0, 1], [0, 1, 2]), ([0, 1, 2], [3]), ([1, 2, 3], [4]), ([2, 3, 4], [5]), ([3, 4, 5], [6])],
    (1, 1, 1): [([99], [0])],
}
DISJOINT = {
    (3, 4, 1): [([99], [0, 1, 2])],
    (10, 4, 1): [([99], [0, 1, 2, 3]), ([3], [4, 5, 6, 7]), ([5, 6, 7], [8, 9])],
    (10, 4, 2): [([99], [0, 1, 2, 3]), ([2, 3], [4, 5, 6]), ([5, 6], [7, 8, 9])],
}


@pytest.mark.parametrize("case", RECORDED)
def test_windows_are_those_of_the_reference(case: tuple[int, int, int]) -> None:
    count, longest, context = case
    assert list(utils.get_rolling_token_windows(list(range(count)), 99, longest, context)) == RECORDED[case]


@pytest.mark.parametrize("case", DISJOINT)
def test_disjoint_windows_are_those_of_the_reference(case: tuple[int, int, int]) -> None:
    assert [utils.make_disjoint_window(pair) for pair in RECORDED[case]] == DISJOINT[case]


@given(st.integers(0, 40), st.integers(1, 12), st.data())
def test_every_token_is_predicted_once_after_its_context(count: int, longest: int, data: st.DataObject) -> None:
    context = data.draw(st.integers(1, longest))
    found = list(utils.get_rolling_token_windows(list(range(count)), -1, longest, context))
    assert [token for _, predicted in found for token in predicted] == list(range(count))
    for given_tokens, predicted in found:
        assert given_tokens[-len(predicted) :] == [token - 1 for token in predicted]
        before, after = utils.make_disjoint_window((given_tokens, predicted))
        assert [*before, *after] == list(range(before[0], after[-1] + 1))


@pytest.mark.parametrize("context", [0, 5])
def test_a_context_that_does_not_fit_is_refused(context: int) -> None:
    with pytest.raises(AssertionError):
        list(utils.get_rolling_token_windows([1, 2], 0, 4, context))
