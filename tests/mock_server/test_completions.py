from __future__ import annotations

import math
from typing import Any

import pytest

from .helpers import complete_json, echo, refused, served_model

PROMPT = "The capital of France is"


def test_an_echo_is_the_prompt_with_one_exact_logprob_per_token() -> None:
    choice = echo("default", PROMPT, max_tokens=0)
    logprobs = choice["logprobs"]
    assert choice["text"] == PROMPT == "".join(logprobs["tokens"])
    assert logprobs["text_offset"] == [0, 3, 11, 14, 21]
    assert all(value < 0 for value in logprobs["token_logprobs"])
    assert all(token in top for token, top in zip(logprobs["tokens"], logprobs["top_logprobs"], strict=True))


def test_the_same_request_gives_the_same_numbers() -> None:
    served = served_model()
    assert echo(served, PROMPT)["logprobs"] == echo(served, PROMPT)["logprobs"] == echo("default", PROMPT)["logprobs"]


@pytest.mark.parametrize("top", [0, 1, 5, 20])
def test_alternatives_are_the_most_probable_and_the_token_itself(top: int) -> None:
    for listed, value in zip(*(echo("default", PROMPT, logprobs=top)["logprobs"][name] for name in _BOTH), strict=True):
        assert top <= len(listed) <= top + 1
        assert value in listed.values()


_BOTH = ("top_logprobs", "token_logprobs")


def test_generated_tokens_follow_the_echo() -> None:
    choice = echo("default", PROMPT, max_tokens=2)
    assert choice["text"] == f"{PROMPT} Paris."
    assert choice["logprobs"]["tokens"][-2:] == [" Paris", "."]


def test_without_echo_only_the_answer_is_scored() -> None:
    choice = complete_json("default", PROMPT, max_tokens=1, logprobs=3)["choices"][0]
    assert choice["text"] == " Paris"
    assert choice["logprobs"]["tokens"] == [" Paris"]
    assert choice["logprobs"]["text_offset"] == [0]


def test_logprobs_are_null_unless_requested() -> None:
    assert complete_json("default", PROMPT)["choices"][0]["logprobs"] is None


def test_a_batch_with_several_choices_is_numbered_in_order() -> None:
    answer = complete_json("default", ["The", "Question:"], n=2, max_tokens=3, echo=True)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert [choice["text"].split()[0] for choice in answer["choices"]] == ["The", "The", "Question:", "Question:"]


def test_choices_of_a_prompt_differ_when_sampled() -> None:
    answer = complete_json("default", "The", n=3, max_tokens=12, temperature=1, seed=4)
    assert len({choice["text"] for choice in answer["choices"]}) == 3


def test_seeded_sampling_repeats() -> None:
    first, second = (
        complete_json("default", "The", max_tokens=12, temperature=1, seed=4)["choices"][0]["text"] for _ in "ab"
    )
    assert first == second


def test_token_ids_are_taken_as_they_are() -> None:
    served = served_model()
    ids = served.encode(PROMPT)
    by_ids, by_text = echo(served, ids), echo(served, PROMPT)
    assert by_ids["text"] == f"<s>{by_text['text']}"
    assert by_ids["logprobs"]["token_logprobs"] == [None, *by_text["logprobs"]["token_logprobs"]]
    assert by_ids["logprobs"]["text_offset"][:3] == [0, 3, 6]


def test_lists_of_token_ids_are_a_batch() -> None:
    served = served_model()
    answer = complete_json(served, [served.encode("The"), served.encode("A")], max_tokens=1, echo=True)
    assert [choice["text"][:4] for choice in answer["choices"]] == ["<s>T", "<s>A"]


def test_return_token_ids() -> None:
    served = served_model()
    choice = complete_json(served, PROMPT, max_tokens=1, return_token_ids=True)["choices"][0]
    assert choice["prompt_token_ids"] == served.encode(PROMPT)
    assert choice["token_ids"] == served.tokenizer.encode(" Paris")


def test_tokens_as_ids_keep_true_offsets() -> None:
    plain, named = echo("default", PROMPT), echo("default", PROMPT, return_tokens_as_token_ids=True)
    assert all(token.startswith("token_id:") for token in named["logprobs"]["tokens"])
    assert named["logprobs"]["text_offset"] == plain["logprobs"]["text_offset"]


def test_prompt_logprobs_are_those_of_the_echo() -> None:
    served = served_model()
    listed = complete_json(served, PROMPT, max_tokens=1, prompt_logprobs=2)["choices"][0]["prompt_logprobs"]
    values = [entry[str(token)]["logprob"] for entry, token in zip(listed[1:], served.encode(PROMPT)[1:], strict=True)]
    assert listed[0] is None
    assert values == echo(served, PROMPT, max_tokens=0)["logprobs"]["token_logprobs"]
    for entry in listed[1:]:
        ranks = {item["rank"]: item["logprob"] for item in entry.values()}
        assert sorted(ranks.values(), reverse=True) == [ranks[rank] for rank in sorted(ranks)]


def test_stop_is_cut_off_and_named() -> None:
    choice = complete_json("default", "The capital of France", max_tokens=20, stop=[" Paris"])["choices"][0]
    assert (choice["text"], choice["finish_reason"], choice["stop_reason"]) == (" is", "stop", " Paris")


def test_a_bias_forces_the_next_token_with_its_exact_logprob() -> None:
    served = served_model()
    token = served.tokenizer.encode(" Rome")[0]
    choice = complete_json(served, PROMPT, max_tokens=1, logprobs=1, logit_bias={str(token): 100})["choices"][0]
    expected = served.model.context(served.encode(PROMPT)).logprob(token)
    assert choice["logprobs"]["token_logprobs"] == [expected]


def test_add_special_tokens_false_leaves_out_the_bos_token() -> None:
    choice = echo("default", PROMPT, add_special_tokens=False)
    assert choice["logprobs"]["token_logprobs"][0] is None


def test_truncated_prompts_keep_their_end() -> None:
    choice = echo("default", PROMPT, truncate_prompt_tokens=2, max_tokens=0)
    assert choice["text"] == PROMPT
    assert choice["logprobs"]["tokens"] == [" France", " is"]


def test_usage_counts_tokens_and_the_cached_prefix() -> None:
    served, prompt = served_model(), " ".join(["The capital of France is Paris."] * 8)
    first, second = (complete_json(served, prompt, max_tokens=3)["usage"] for _ in "ab")
    assert first["prompt_tokens"] == len(served.encode(prompt)) - 1
    assert first["completion_tokens"] == 3
    assert first["total_tokens"] == first["prompt_tokens"] + 3
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["prompt_tokens_details"]["cached_tokens"] == 48


def test_scripted_answers_by_text_and_by_function() -> None:
    mapping = {"2 + 2": "4", "3 + 3": "6"}
    served = served_model(answers=mapping)
    assert complete_json(served, "What is 3 + 3? 6. What is 2 + 2?")["choices"][0]["text"] == "4"
    assert complete_json(served, PROMPT, max_tokens=1)["choices"][0]["text"] == " Paris"
    function = served_model(answers=lambda prompt: prompt.upper() if prompt.startswith("a") else None)
    assert complete_json(function, "abc")["choices"][0]["text"] == "ABC"
    assert complete_json(function, PROMPT, max_tokens=1)["choices"][0]["text"] == " Paris"


def test_scripted_answers_do_not_affect_scoring() -> None:
    served = served_model(answers=lambda prompt: "no")
    assert echo(served, PROMPT) == echo("default", PROMPT)


def test_scripted_answers_are_stopped_and_cut_like_generated_ones() -> None:
    served = served_model(answers=lambda prompt: "one\ntwo three four")
    assert complete_json(served, "x", stop=["\n"])["choices"][0]["text"] == "one"
    cut = complete_json(served, "x", max_tokens=3)["choices"][0]
    assert cut["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [10**6]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": -3}, "temperature"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": -1}, "logprobs"),
        ({"prompt_logprobs": -1}, "prompt_logprobs"),
        ({"echo": "yes"}, "echo"),
        ({"stop": 5}, "stop"),
        ({"n": 0}, "n"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_bad_fields_are_refused(fields: dict[str, Any], param: str) -> None:
    status, body = refused(complete_json, "default", **{"prompt": "x", **fields})
    assert status == 400
    assert body["error"]["param"] == param


def test_unknown_models_are_refused() -> None:
    status, body = refused(complete_json, "default", "x", model="other")
    assert (status, body["error"]["code"]) == (404, 404)
    assert "other" in body["error"]["message"]


def test_prompts_over_the_context_length_are_refused() -> None:
    served = served_model(max_model_len=16)
    status, body = refused(complete_json, served, "The " * 40)
    assert status == 400
    assert "maximum context length is 16 tokens" in body["error"]["message"]


def test_answers_over_the_context_length_are_refused() -> None:
    served = served_model(max_model_len=16)
    assert refused(complete_json, served, "The", max_tokens=15)[0] == 400
    assert complete_json(served, "The", max_tokens=14)["usage"]["completion_tokens"] == 14


def test_log_probabilities_of_a_position_sum_to_less_than_one() -> None:
    for listed in echo("default", PROMPT, logprobs=20)["logprobs"]["top_logprobs"]:
        assert 0 < math.fsum(math.exp(value) for value in listed.values()) < 1
