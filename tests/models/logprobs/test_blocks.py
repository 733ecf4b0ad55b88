from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import MalformedResponse
from lm_eval.models.logprobs.blocks import TopToken, choices_of, first_top_tokens, read_block, read_prompt_logprobs
from lm_eval.models.work import Reply


def test_choices_are_in_the_order_of_the_prompts() -> None:
    body = {"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}
    assert [choice["text"] for choice in choices_of(Reply(body), 2)] == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0}, {"index": 0}]},
        {"choices": [{"index": 1}, {"index": 2}]},
        {"choices": None},
        [],
    ],
)
def test_missing_doubled_and_misnumbered_choices_are_refused(body: Any) -> None:
    with pytest.raises(MalformedResponse):
        choices_of(Reply(body), 2)


def test_the_highest_alternative_is_found_by_value_as_texts_may_be_equal() -> None:
    logprobs = {"tokens": [""], "token_logprobs": [-7.2], "top_logprobs": [{"": -2.75}], "text_offset": [0]}
    block = read_block({"text": "x", "logprobs": logprobs})
    assert (block.logprobs, block.tops) == ([-7.2], [-2.75])


def test_alternatives_of_another_type_count_as_none() -> None:
    logprobs = {"tokens": ["a", "b"], "token_logprobs": [-1.0, -2.0], "top_logprobs": [-1.0, {"b": -2.0}]}
    block = read_block({"text": "ab", "logprobs": logprobs})
    assert (block.tops[0:2], [block.tops[0], block.tops[1]]) == ([None, -2.0], [None, -2.0])


def test_lists_of_different_length_are_malformed() -> None:
    with pytest.raises(MalformedResponse):
        read_block({"text": "", "logprobs": {"tokens": ["a"], "token_logprobs": []}})


def test_the_chat_spelling_has_ids() -> None:
    entry = {"id": 7, "token": ".", "logprob": -0.5, "top_logprobs": [{"id": 8, "token": "!", "logprob": -0.1}]}
    choice = {"text": ".", "logprobs": {"content": [entry]}}
    block = read_block(choice)
    assert (block.ids, block.logprobs, block.tops) == ([7], [-0.5], [-0.1])
    assert first_top_tokens(choice) == [TopToken("!", -0.1, 8), TopToken(".", -0.5, 7)]


def test_tokens_named_by_id_are_read_as_ids() -> None:
    choice = {"logprobs": {"tokens": ["token_id:3"], "token_logprobs": [-1], "top_logprobs": [{"token_id:3": -1}]}}
    assert first_top_tokens(choice) == [TopToken("token_id:3", -1.0, 3)]


def test_prompt_logprobs_are_looked_up_by_id() -> None:
    entries = [None, {"5": {"logprob": -2.0, "decoded_token": "b"}, "6": {"logprob": -1.0, "decoded_token": "c"}}]
    block = read_prompt_logprobs({"prompt_logprobs": entries, "prompt_token_ids": [4, 5]})
    assert (block.tokens, block.logprobs, block.tops) == (["", "b"], [None, -2.0], [None, -1.0])


def test_no_logprobs_give_an_empty_block() -> None:
    assert read_block({"text": "hi", "logprobs": None}).tokens == []
    assert first_top_tokens({"text": "hi"}) == []
