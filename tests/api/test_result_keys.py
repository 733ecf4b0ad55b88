from __future__ import annotations

import pytest

from lm_eval.api.result_keys import parse_score_key, score_key, score_keys, split_unconditional, stderr_key


def test_keys_are_written_and_read() -> None:
    assert score_key("acc", "none") == "acc,none"
    assert stderr_key("acc", "none") == "acc_stderr,none"
    assert parse_score_key(score_key("acc", "a,b")) == ("acc", "a,b")


@pytest.mark.parametrize("key", ["alias", "sample_len", "acc_stderr,none"])
def test_other_keys_belong_to_no_score(key: str) -> None:
    assert parse_score_key(key) is None


def test_the_scores_of_a_row_are_listed() -> None:
    row = {"alias": "t", "acc,none": 1.0, "acc_stderr,none": 0.0, "f1,strict": 0.5}
    assert list(score_keys(row)) == [("acc,none", "acc", "none"), ("f1,strict", "f1", "strict")]


def test_only_mutual_information_has_unconditional_requests() -> None:
    assert split_unconditional([1, 2, 3, 4], {"acc"}) == ([1, 2, 3, 4], [])
    assert split_unconditional([1, 2, 3, 4], {"acc", "acc_mutual_info"}) == ([1, 2], [3, 4])
