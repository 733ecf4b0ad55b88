from __future__ import annotations

from typing import Any

import pytest

from lm_eval.mock_server.messages import render_messages

from .helpers import chat_json, refused, served_model


def message(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["choices"][0]["message"]
    return found


def test_the_model_answers_and_comes_to_an_end() -> None:
    answer = chat_json("default", "What is the capital of France?", max_tokens=200, temperature=1, seed=1)
    assert message(answer)["content"]
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["object"] == "chat.completion"


def test_logprobs_are_those_of_the_answer() -> None:
    answer = chat_json("default", logprobs=True, top_logprobs=3)
    entries = answer["choices"][0]["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == message(answer)["content"]
    assert all(len(entry["top_logprobs"]) == 3 for entry in entries)
    assert [entry["top_logprobs"][0]["logprob"] for entry in entries] == [entry["logprob"] for entry in entries]
    assert bytes(entries[0]["bytes"]).decode() == entries[0]["token"]


def test_max_completion_tokens_wins() -> None:
    assert chat_json("default", max_tokens=9, max_completion_tokens=2)["usage"]["completion_tokens"] == 2


def test_content_may_be_parts_with_images() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": "What is in this picture?"}, picture]
    assert message(chat_json("default", [{"role": "user", "content": parts}]))["content"]


def test_messages_become_the_text_the_model_was_trained_on() -> None:
    messages = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi"), ("user", "Bye")]
    assert render_messages(messages) == (
        "<|system|>\nBe brief.<|end|>\n<|user|>\nHello<|end|>\n<|assistant|>\nHi<|end|>\n<|user|>\nBye<|end|>\n"
        "<|assistant|>\n"
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": 1}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
def test_bad_fields_are_refused(fields: dict[str, Any], param: str) -> None:
    status, body = refused(chat_json, "default", **fields)
    assert (status, body["error"]["param"]) == (400, param)


def test_scripted_answers_see_the_complete_conversation() -> None:
    seen: list[str] = []

    def answer(prompt: str) -> str:
        seen.append(prompt)
        return "A 🙂"

    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    found = chat_json(served_model(answers=answer), messages)
    assert message(found)["content"] == "A 🙂"
    assert found["choices"][0]["finish_reason"] == "stop"
    assert seen == ["Be brief.\n\nHello"]


@pytest.mark.parametrize(
    ("profile", "field"), [("default", "reasoning"), ("vllm", "reasoning"), ("llamacpp", "reasoning_content")]
)
def test_reasoning_has_a_separate_field(profile: str, field: str) -> None:
    served = served_model(profile, reasoning="two and two", answers={"": "4"})
    found = message(chat_json(served, max_tokens=50))
    assert found["content"] == "4"
    assert found[field].strip() == "two and two"


def test_reasoning_tokens_are_counted_and_scored() -> None:
    answer = chat_json(served_model(reasoning="two and two", answers={"": "4"}), max_tokens=50, logprobs=True)
    usage = answer["usage"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    assert len(answer["choices"][0]["logprobs"]["content"]) == usage["completion_tokens"]


@pytest.mark.parametrize(("profile", "content"), [("vllm", None), ("llamacpp", ""), ("openai", "")])
def test_an_answer_cut_while_reasoning_has_no_content(profile: str, content: str | None) -> None:
    answer = chat_json(served_model(profile, reasoning="a long thought " * 9), max_tokens=5)
    assert message(answer)["content"] == content
    assert answer["choices"][0]["finish_reason"] == "length"


def test_servers_without_a_reasoning_field_leave_the_tags() -> None:
    served = served_model("llamacpp-python", reasoning="hm", answers={"": "4"})
    assert message(chat_json(served, max_tokens=50))["content"] == "<think>\nhm\n</think>\n\n4"


def test_include_reasoning_false_hides_it() -> None:
    served = served_model("vllm", reasoning="hm", answers={"": "4"})
    assert message(chat_json(served, max_tokens=50, include_reasoning=False))["reasoning"] is None


def test_prompt_logprobs_stand_next_to_the_choices() -> None:
    answer = chat_json("vllm", prompt_logprobs=1)
    assert answer["prompt_logprobs"][0] is None
    assert len(answer["prompt_logprobs"]) == answer["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("tags", {"content": "<think>\ntwo and two\n</think>\n\n4", "reasoning": None}),
        ("end-tag", {"content": "\ntwo and two\n</think>\n\n4", "reasoning": None}),
        ("no-end", {"content": None, "reasoning": "\ntwo and two\n"}),
    ],
)
def test_the_thought_stands_where_the_setting_says(place: Any, found: dict[str, Any]) -> None:
    served = served_model("vllm", reasoning="two and two", answers={"": "4"})
    served.settings.reasoning_in = place
    answer = message(chat_json(served, max_tokens=50))
    assert {name: answer[name] for name in found} == found


def test_a_server_may_put_the_whole_answer_into_the_reasoning() -> None:
    served = served_model("vllm", answers={"": "4"})
    served.settings.reasoning_in = "whole"
    answer = message(chat_json(served, max_tokens=50))
    assert (answer["content"], answer["reasoning"]) == (None, "4")


@pytest.mark.parametrize(
    ("profile", "fields"),
    [
        ("vllm", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("llamacpp", {"chat_template_kwargs": {"thinking": False}}),
        ("openai", {"reasoning_effort": "none"}),
    ],
)
def test_a_request_may_turn_the_thought_off(profile: str, fields: dict[str, Any]) -> None:
    served = served_model(profile, reasoning="two and two", answers={"": "4"})
    assert "completion_tokens_details" in chat_json(served, max_tokens=50)["usage"]
    answer = chat_json(served, max_tokens=50, **fields)
    assert message(answer)["content"] == "4"
    assert "completion_tokens_details" not in answer["usage"]


@pytest.mark.parametrize(
    ("profile", "name"), [("vllm", "thinking_token_budget"), ("llamacpp", "thinking_budget_tokens")]
)
def test_a_budget_cuts_the_thought_and_the_answer_follows(profile: str, name: str) -> None:
    served = served_model(profile, reasoning="a long thought " * 9, answers={"": "4"})
    answer = chat_json(served, max_tokens=50, **{name: 5})
    assert message(answer)["content"] == "4"
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 1 + 5


@pytest.mark.parametrize(
    ("profile", "part", "message"),
    [
        (
            "default",
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "mp3"}},
            "not a file of format",
        ),
        ("default", {"type": "input_audio", "input_audio": {"data": "?", "format": "wav"}}, "not base64"),
        (
            "openai",
            {"type": "input_audio", "input_audio": {"data": "T2dnUw==", "format": "ogg"}},
            "must be one of wav, mp3",
        ),
        ("default", {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,?"}}, "not base64"),
        ("llamacpp", {"type": "video_url", "video_url": {"url": "http://h/x.mp4"}}, "is not understood"),
    ],
)
def test_media_that_a_server_cannot_read_are_refused(profile: str, part: dict[str, Any], message: str) -> None:
    from lm_eval.errors import Refused
    from lm_eval.mock_server.messages import message_texts
    from lm_eval.mock_server.profiles import PROFILES

    with pytest.raises(Refused) as caught:
        message_texts(PROFILES[profile], [{"role": "user", "content": [part]}])
    assert message in str(caught.value.body)


def test_media_become_marks_in_the_prompt() -> None:
    from lm_eval.mock_server.messages import message_texts
    from lm_eval.mock_server.profiles import PROFILES

    parts: list[dict[str, Any]] = [
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "audio_url", "audio_url": {"url": "http://h/x.wav"}},
        {"type": "video_url", "video_url": {"url": "data:video/jpeg;base64,/9j/,/9j/"}},
    ]
    contents = message_texts(PROFILES["vllm"], [{"role": "user", "content": parts}])
    assert contents == [("user", "<audio><audio><video>")]
