"""The recorded behaviour of each server, one test per detail."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lm_eval.errors import UnknownNameError
from lm_eval.mock_server.info_routes import models
from lm_eval.mock_server.json_text import thaw
from lm_eval.mock_server.profiles import PROFILES, get_profile

from .helpers import chat_json, complete_json, echo, refused, served_model, truth

PROMPT = "The capital of France is Paris"
ASSISTANT_LAST = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Well, hel"}]


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="llamacpp"):
        get_profile("llama.cpp")


def test_a_profile_object_is_returned_unchanged() -> None:
    changed = dataclasses.replace(PROFILES["vllm"], name="changed")
    assert get_profile(changed) is changed


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_generates(name: str) -> None:
    assert complete_json(name, "The capital of France is", max_tokens=1)["choices"][0]["text"] == " Paris"
    assert chat_json(name)["choices"][0]["message"]["content"]


class TestVLLM:
    def test_the_added_bos_shifts_the_offsets(self) -> None:
        choice = echo("vllm", PROMPT, max_tokens=0)
        assert choice["text"] == PROMPT
        assert choice["logprobs"]["tokens"][:2] == ["<s>", "The"]
        assert choice["logprobs"]["text_offset"][:3] == [0, 3, 6]
        assert choice["logprobs"]["token_logprobs"][0] is None

    def test_token_ids_and_a_written_bos_have_right_offsets(self) -> None:
        served = served_model("vllm")
        for prompt in (served.encode(PROMPT), f"<s>{PROMPT}"):
            choice = echo(served, prompt, max_tokens=0)
            assert choice["text"] == "".join(choice["logprobs"]["tokens"]) == f"<s>{PROMPT}"

    def test_add_special_tokens_false_makes_offsets_right(self) -> None:
        choice = echo("vllm", PROMPT, max_tokens=0, add_special_tokens=False)
        assert "".join(choice["logprobs"]["tokens"]) == PROMPT

    def test_max_tokens_zero_counts_as_one(self) -> None:
        answer = complete_json("vllm", PROMPT, echo=True, logprobs=1, max_tokens=0)
        assert answer["usage"]["completion_tokens"] == 1

    @pytest.mark.parametrize("fields", [{}, {"echo": True, "prompt_logprobs": 1}])
    def test_max_tokens_zero_needs_an_echo_without_prompt_logprobs(self, fields: dict[str, Any]) -> None:
        status, body = refused(complete_json, "vllm", PROMPT, max_tokens=0, **fields)
        assert (status, body["error"]["type"]) == (400, "BadRequestError")
        assert "max_tokens must be at least 1" in body["error"]["message"]

    def test_a_character_is_written_on_its_last_token(self) -> None:
        logprobs = echo("vllm", "a 𓀀 b", max_tokens=0)["logprobs"]
        assert logprobs["tokens"][1:6] == ["a", " ", "", "", "𓀀"]
        assert logprobs["text_offset"][1:6] == [3, 4, 5, 5, 5]

    def test_alternatives_that_read_the_same_hide_the_token(self) -> None:
        logprobs = echo(served_model("vllm", max_logprobs=None), "a 𓀀 b", max_tokens=0, logprobs=900)["logprobs"]
        pairs = zip(logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True)
        assert any(top and top[token] != value for token, value, top in pairs)

    def test_too_many_logprobs(self) -> None:
        status, body = refused(complete_json, "vllm", PROMPT, logprobs=25)
        assert status == 400
        assert body["error"]["message"] == "Requested sample logprobs of 25, which is greater than max allowed: 20"

    def test_tokens_as_ids_make_offsets_useless(self) -> None:
        logprobs = echo("vllm", PROMPT, return_tokens_as_token_ids=True)["logprobs"]
        assert logprobs["tokens"][0] == "token_id:0"
        assert logprobs["text_offset"][1] == len("token_id:0")

    def test_return_token_ids_hides_the_echo(self) -> None:
        choice = echo("vllm", PROMPT, max_tokens=1, return_token_ids=True)
        assert choice["text"] == "."
        assert len(choice["logprobs"]["tokens"]) == len(choice["prompt_token_ids"]) + len(choice["token_ids"])

    def test_an_echo_fills_prompt_logprobs(self) -> None:
        choice = echo("vllm", PROMPT)
        assert [next(iter(entry.values()))["logprob"] for entry in choice["prompt_logprobs"][1:]] == choice["logprobs"][
            "token_logprobs"
        ][1:-1]

    def test_an_empty_prompt_is_refused(self) -> None:
        assert refused(complete_json, "vllm", "")[0] == 400

    def test_the_length_given_in_the_error_is_a_lower_bound(self) -> None:
        status, body = refused(complete_json, served_model("vllm", max_model_len=10), "The " * 100)
        assert status == 400
        assert "contains at least 11 input tokens" in body["error"]["message"]
        assert body["error"]["param"] == "input_tokens"

    def test_the_final_message_is_continued_and_echoed_when_asked(self) -> None:
        asked = {"continue_final_message": True, "add_generation_prompt": False}
        plain = chat_json("vllm", ASSISTANT_LAST, **asked)["choices"][0]["message"]["content"]
        echoed = chat_json("vllm", ASSISTANT_LAST, echo=True, **asked)["choices"][0]["message"]["content"]
        assert echoed == f"Well, hel{plain}"

    def test_cached_tokens_are_not_reported(self) -> None:
        assert complete_json("vllm", PROMPT)["usage"]["prompt_tokens_details"] is None

    def test_models_show_the_context_length(self) -> None:
        assert thaw(models(served_model("vllm", max_model_len=77)))["data"][0]["max_model_len"] == 77

    def test_without_bos_the_first_token_has_no_logprob(self) -> None:
        choice = echo("vllm-nobos", PROMPT, max_tokens=0)
        assert choice["text"] == "".join(choice["logprobs"]["tokens"]) == PROMPT
        assert choice["logprobs"]["token_logprobs"][0] is None


class TestLlamaCpp:
    def test_echo_is_ignored_and_logprobs_have_the_chat_shape(self) -> None:
        choice = echo("llamacpp", "The capital of France is", max_tokens=0)
        assert choice["text"] == " Paris"
        assert list(choice["logprobs"]) == ["content"]
        assert [entry["token"] for entry in choice["logprobs"]["content"]] == [" Paris"]
        assert list(choice["logprobs"]["content"][0]) == ["id", "token", "logprob", "bytes", "top_logprobs"]

    def test_max_tokens_zero_generates_one(self) -> None:
        assert complete_json("llamacpp", "The", max_tokens=0)["usage"]["completion_tokens"] == 1
        assert chat_json("llamacpp", max_tokens=0)["usage"]["completion_tokens"] == 1

    def test_logprobs_zero_is_null(self) -> None:
        assert complete_json("llamacpp", "The", max_tokens=1, logprobs=0)["choices"][0]["logprobs"] is None

    def test_forced_decoding_gives_the_exact_value(self) -> None:
        served, lm = served_model("llamacpp"), truth("llamacpp")
        context, continuation = "The capital of Italy is", " Paris, a 日 city"
        ids = served.encode(context)
        total = 0.0
        for token in lm.encode(continuation):
            fields = {"max_tokens": 1, "logprobs": 1, "logit_bias": [[token, 1000]]}
            entry = complete_json(served, ids, **fields)["choices"][0]["logprobs"]["content"][0]
            assert entry["id"] == token
            total += entry["logprob"]
            ids.append(token)
        assert total == pytest.approx(lm.logprob(context, continuation)[0], abs=1e-9)

    def test_a_token_that_starts_a_character_has_no_logprob(self) -> None:
        served = served_model("llamacpp")
        lead, *rest = served.tokenizer.encode("𓀀")
        prompt = served.encode("The")
        fields: dict[str, Any] = {"max_tokens": 1, "logprobs": 1}
        choice = complete_json(served, prompt, logit_bias={str(lead): 1000}, **fields)["choices"][0]
        assert choice["logprobs"] is None
        choice = complete_json(served, [*prompt, lead], logit_bias={str(rest[0]): 1000}, **fields)["choices"][0]
        assert choice["logprobs"]["content"][0]["id"] == rest[0]

    def test_the_complete_vocabulary_may_be_listed(self) -> None:
        served = served_model("llamacpp")
        choice = complete_json(served, "The", max_tokens=1, logprobs=300_000)["choices"][0]
        assert len(choice["logprobs"]["content"][0]["top_logprobs"]) == served.tokenizer.vocab_size

    def test_usage_counts_the_first_prompt_only(self) -> None:
        served = served_model("llamacpp")
        usage = complete_json(served, ["The", "The capital of France is Paris"], max_tokens=1)["usage"]
        assert usage["prompt_tokens"] == len(served.encode("The"))

    def test_a_final_assistant_message_is_continued(self) -> None:
        content = chat_json("llamacpp", ASSISTANT_LAST)["choices"][0]["message"]["content"]
        assert content.startswith("Well, hel")
        assert len(content) > len("Well, hel")

    def test_requests_that_others_refuse_are_accepted(self) -> None:
        assert complete_json("llamacpp", "The", model="other", temperature=-3, strange=1, max_tokens=1)["choices"]

    def test_no_max_tokens_fills_the_context(self) -> None:
        served = served_model("llamacpp", max_model_len=64)
        answer = complete_json(served, "The", ignore_eos=True)
        assert answer["usage"]["total_tokens"] == 64

    def test_the_error_of_a_long_prompt_has_the_numbers(self) -> None:
        served = served_model("llamacpp", max_model_len=16)
        prompt = "The " * 100
        status, body = refused(complete_json, served, prompt)
        assert status == 400
        assert body["error"]["type"] == "exceed_context_size_error"
        assert body["error"]["n_prompt_tokens"] == len(served.encode(prompt))
        assert body["error"]["n_ctx"] == 16

    def test_models_show_the_context_length(self) -> None:
        assert thaw(models(served_model("llamacpp", max_model_len=77)))["data"][0]["meta"]["n_ctx"] == 77


class TestLlamaCppPython:
    def test_bos_is_hidden_and_the_first_real_token_is_null(self) -> None:
        answer = complete_json("llamacpp-python", PROMPT, echo=True, logprobs=1, max_tokens=1)
        logprobs = answer["choices"][0]["logprobs"]
        assert logprobs["token_logprobs"][0] is None
        assert logprobs["text_offset"][:3] == [0, 3, 11]
        assert len(logprobs["tokens"]) == answer["usage"]["prompt_tokens"] - 1 + 1

    def test_values_are_conditioned_on_the_hidden_bos(self) -> None:
        logprobs = echo("llamacpp-python", PROMPT)["logprobs"]
        assert logprobs["token_logprobs"][5] == truth("llamacpp-python").logprob(PROMPT[:-6], " Paris")[0]

    def test_bytes_of_incomplete_characters_are_dropped(self) -> None:
        choice = echo("llamacpp-python", "a 𓀀 b", max_tokens=1)
        assert "".join(choice["logprobs"]["tokens"][:-1]) == "a  b"
        assert choice["text"].startswith("a 𓀀 b")

    def test_special_tokens_are_written_as_empty_texts(self) -> None:
        logprobs = echo("llamacpp-python", "<|user|>\nHello")["logprobs"]
        assert logprobs["tokens"][0] == ""
        assert logprobs["text_offset"][:2] == [0, 0]

    def test_max_tokens_zero_fills_the_context(self) -> None:
        served = served_model("llamacpp-python", max_model_len=64)
        answer = complete_json(served, "The", max_tokens=0, ignore_eos=True)
        assert answer["usage"]["total_tokens"] == 64

    def test_max_completion_tokens_is_ignored(self) -> None:
        served = served_model("llamacpp-python", max_model_len=64)
        answer = chat_json(served, max_tokens=None, max_completion_tokens=2, ignore_eos=True)
        assert answer["usage"]["total_tokens"] == 64

    def test_lists_and_token_ids_are_server_errors(self) -> None:
        assert complete_json("llamacpp-python", ["The"], max_tokens=1)["choices"]
        assert refused(complete_json, "llamacpp-python", ["The", "A"])[1]["error"]["message"] == ""
        for prompt in (["The", "A"], [5, 6]):
            assert refused(complete_json, "llamacpp-python", prompt)[0] == 500

    def test_scoring_an_empty_prompt_is_a_server_error(self) -> None:
        assert refused(echo, "llamacpp-python", "")[0] == 500

    def test_n_is_ignored(self) -> None:
        assert len(complete_json("llamacpp-python", "The", n=3)["choices"]) == 1

    def test_the_error_of_a_long_prompt(self) -> None:
        status, body = refused(complete_json, served_model("llamacpp-python", max_model_len=16), "The " * 100)
        assert (status, body["error"]["code"]) == (400, "context_length_exceeded")

    def test_a_missing_prompt_is_accepted_and_a_bad_type_is_a_server_error(self) -> None:
        assert complete_json("llamacpp-python", None, max_tokens=1)["choices"]
        assert refused(complete_json, "llamacpp-python", "The", temperature="hot")[0] == 500

    def test_logprobs_can_be_disabled(self) -> None:
        served = served_model("llamacpp-python", completion_logprobs="refused")
        status, body = refused(complete_json, served, "The", logprobs=1)
        assert status == 500
        assert "logits_all=False" in body["error"]["message"]

    def test_without_bos_values_belong_to_the_neighbouring_token(self) -> None:
        served = served_model("llamacpp-python-nobos")
        logprobs = echo(served, PROMPT, max_tokens=1)["logprobs"]
        ids = served.encode(PROMPT)
        assert len(logprobs["tokens"]) == len(ids)
        walked = served.model.walk(ids)
        assert logprobs["token_logprobs"][1:] == [
            context.logprob(token) for context, token in zip(walked[2:], ids[1:], strict=True)
        ]


class TestTransformers:
    def test_echo_and_logprobs_are_ignored(self) -> None:
        choice = echo("transformers", "The capital of France is")
        assert choice == {"text": " Paris", "finish_reason": "length", "index": 0}

    def test_lists_are_refused(self) -> None:
        assert refused(complete_json, "transformers", ["The"]) == (400, {"detail": "prompt must be a string."})

    def test_max_tokens_zero_is_a_server_error(self) -> None:
        assert refused(complete_json, "transformers", "The", max_tokens=0)[0] == 500

    def test_max_completion_tokens_is_ignored(self) -> None:
        answer = chat_json("transformers", max_tokens=3, max_completion_tokens=5)
        assert answer["usage"]["completion_tokens"] == 3

    def test_the_stop_text_is_not_cut_off(self) -> None:
        choice = complete_json("transformers", "The capital of France", stop=["Paris"], max_tokens=9)["choices"][0]
        assert choice["text"] == " is Paris"

    def test_temperature_is_ignored(self) -> None:
        texts = {
            complete_json("transformers", "The", temperature=temperature, seed=3, max_tokens=9)["choices"][0]["text"]
            for temperature in (0, 1)
        }
        assert len(texts) == 1

    def test_chat_logprobs_are_ignored(self) -> None:
        assert chat_json("transformers", logprobs=True, top_logprobs=2)["choices"][0]["logprobs"] is None

    def test_unknown_fields_and_models_are_refused(self) -> None:
        assert refused(complete_json, "transformers", "The", strange=1)[0] == 422
        assert refused(complete_json, "transformers", "The", model="other")[0] == 400

    def test_long_prompts_are_accepted(self) -> None:
        assert complete_json(served_model("transformers", max_model_len=16), "The " * 100, max_tokens=1)["choices"]


class TestOpenAI:
    def test_there_is_no_bos_and_the_first_token_is_null(self) -> None:
        logprobs = echo("openai", PROMPT)["logprobs"]
        assert logprobs["token_logprobs"][0] is None
        assert logprobs["text_offset"][:3] == [0, 3, 11]

    def test_bytes_of_incomplete_characters_are_spelt_out(self) -> None:
        logprobs = echo("openai", "a 𓀀 b", max_tokens=0)["logprobs"]
        assert logprobs["tokens"][1:3] == ["bytes:\\x20\\xf0", "bytes:\\x93"]
        assert logprobs["text_offset"][:6] == [0, 1, 2, 2, 2, 3]

    def test_special_names_are_plain_text(self) -> None:
        assert len(echo("openai", "<s>", max_tokens=0)["logprobs"]["tokens"]) > 1

    def test_limits(self) -> None:
        assert refused(complete_json, "openai", "The", logprobs=6)[0] == 400
        assert refused(complete_json, "openai", "The", stop=list("abcde"))[0] == 400

    def test_no_context_length_is_reported(self) -> None:
        assert "max_model_len" not in thaw(models(served_model("openai")))["data"][0]

    @pytest.mark.parametrize(
        "fields", [{"max_tokens": 5}, {"max_tokens": None, "stop": ["x"]}, {"max_tokens": None, "temperature": 0.5}]
    )
    def test_reasoning_models_take_neither_max_tokens_nor_stop_nor_temperature(self, fields: dict[str, Any]) -> None:
        served = served_model("openai")
        served.settings.model = "gpt-5-mini"
        status, body = refused(chat_json, served, model="gpt-5-mini", **{"temperature": 1, **fields})
        assert (status, body["error"]["code"]) == (400, "unsupported_parameter")

    def test_unknown_models_are_not_found(self) -> None:
        status, body = refused(chat_json, "openai", model="gpt-6")
        assert (status, body["error"]["code"]) == (404, "model_not_found")


class TestSGLang:
    def test_offsets_are_minus_one(self) -> None:
        logprobs = echo("sglang", PROMPT)["logprobs"]
        assert set(logprobs["text_offset"]) == {-1}
        assert logprobs["tokens"][:2] == ["<s>", "The"]

    def test_the_token_itself_is_listed_only_if_it_is_among_the_best(self) -> None:
        logprobs = echo("sglang", "The zebra", logprobs=1)["logprobs"]
        assert all(len(top) == 1 for top in logprobs["top_logprobs"][1:])
        assert any(
            token not in top for token, top in zip(logprobs["tokens"][1:], logprobs["top_logprobs"][1:], strict=True)
        )

    def test_errors_are_flat(self) -> None:
        status, body = refused(complete_json, "sglang", "")
        assert (status, body["object"], body["code"]) == (400, "error", 400)


class TestTGI:
    def test_echo_and_logprobs_are_ignored(self) -> None:
        choice = echo("tgi", "The capital of France is")
        assert (choice["text"], choice["logprobs"]) == (" Paris", None)

    def test_token_ids_are_refused(self) -> None:
        status, body = refused(complete_json, "tgi", [5, 6])
        assert (status, body["error_type"]) == (422, "validation")

    def test_a_hundred_tokens_by_default(self) -> None:
        assert complete_json("tgi", "The", ignore_eos=True)["usage"]["completion_tokens"] == 100


@pytest.mark.parametrize(("kind", "text"), [("lower", "the naïve café"), ("NFKC", "The naïve café")])
def test_normalized_text_is_echoed_as_sent(kind: Any, text: str) -> None:
    sent = "The nai\u0308ve café" if kind == "NFKC" else "The naïve CAFÉ"
    choice = echo(served_model(normalization=kind), sent, max_tokens=0)
    assert choice["text"] == sent
    assert "".join(choice["logprobs"]["tokens"]) == text
