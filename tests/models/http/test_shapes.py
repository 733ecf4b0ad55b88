from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import MalformedResponse
from lm_eval.models.http.shapes import check_choices, choices_in_order, prompts_in


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        ({"prompt": "a"}, 1),
        ({"prompt": ["a", "b"]}, 2),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": []}, 1),
        ({"messages": [{}, {}]}, 1),
    ],
)
def test_prompts_are_counted(payload: dict[str, Any], count: int) -> None:
    assert prompts_in(payload) == count


def test_choices_come_in_the_order_of_the_prompts() -> None:
    body = {"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}
    assert [choice["text"] for choice in choices_in_order(body, 2)] == ["a", "b"]


def test_an_only_choice_needs_no_index() -> None:
    assert choices_in_order({"choices": [{"text": "a"}]}, 1)[0]["text"] == "a"


@pytest.mark.parametrize(
    "choices",
    [
        [],
        [{"index": 0}],
        [{"index": 0}, {"index": 0}],
        [{"index": 1}, {"index": 2}],
        [{}, {}],
        [{"index": "0"}, 5],
        None,
    ],
)
def test_missing_doubled_or_wrong_choices_are_malformed(choices: Any) -> None:
    with pytest.raises(MalformedResponse) as caught:
        check_choices({"prompt": ["a", "b"]}, {"choices": choices})
    assert not caught.value.retryable


def test_one_prompt_may_be_asked_again() -> None:
    with pytest.raises(MalformedResponse) as caught:
        check_choices({"prompt": "a"}, {"choices": []})
    assert caught.value.retryable


def test_n_choices_are_expected_when_asked_for() -> None:
    check_choices({"messages": [], "n": 2}, {"choices": [{"index": 0}, {"index": 1}]})
