"""Models that think: what is sent, what is cut, what counts as an answer, and what a user is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError
from lm_eval.mock_server import MockServer
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.hints import hint_for, refused_field
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from lm_eval.models.thinking import template_settings, thinking_fields
from tests.models.scripted import ScriptedServer, completion

GENERATES = frozenset({"generate_until"})
THOUGHT = "First I add two and two.\n\nThen I look at the sum."


def ask(server: MockServer, kind: type[TemplateAPI] = LocalChatCompletion, **arguments: Any) -> Instance:
    """Run one document as an evaluation does: the check first, then the answer."""
    settings: dict[str, Any] = {"max_gen_toks": 80, "until": ["\n\n"], **arguments.pop("settings", {})}
    lm = kind(model="mock", base_url=server.base_url, **arguments)
    lm.harness_prepare(RunContext(request_types=GENERATES, generation=[settings]))
    instance = Instance("generate_until", {}, ("What is 2 + 2?", dict(settings)), 0, ("sums", 0, 1))
    lm.harness_respond([instance])
    assert instance.error is None
    return instance


def fields(url: str, path: str = "/chat/completions", **arguments: Any) -> dict[str, object]:
    return thinking_fields(ModelArguments.parse(arguments), path, [url])


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "sglang", "openai"])
def test_a_server_that_shows_a_thought_gets_no_stop_string(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(profile=profile, reasoning=THOUGHT, answers={"": "4\n\nQ: next"}) as server:
        instance = ask(server)
        bodies = [request.body or {} for request in server.requests]
    assert instance.resps == ["4"]
    assert "stop" in bodies[0]
    assert not any("stop" in body for body in bodies[1:])
    assert "stop strings are not sent" in caplog.text


def test_a_model_that_does_not_think_gets_its_stop_strings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(profile="vllm", answers={"": "4\n\nQ: next"}) as server:
        assert ask(server).resps == ["4"]
        bodies = [request.body or {} for request in server.requests]
    # The second request looks for a thought that the stop string may have cut.
    assert ["stop" in body for body in bodies] == [True, False, True]
    assert "think" not in caplog.text


@pytest.mark.parametrize("arguments", [{"reasoning_effort": "high"}, {"enable_thinking": True}, {"thinking_budget": 9}])
def test_who_asks_for_a_thought_sends_no_stop_string(arguments: dict[str, Any]) -> None:
    with MockServer(profile="vllm", answers={"": "4\n\nQ: next"}) as server:
        assert ask(server, **arguments).resps == ["4"]
        assert not any("stop" in (request.body or {}) for request in server.requests)


@pytest.mark.parametrize("place", ["tags", "end-tag"])
def test_a_thought_in_the_answer_is_told_with_the_flag_that_cuts_it_off(
    place: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(profile="vllm", reasoning=THOUGHT, reasoning_in=place, answers={"": "4\n\nQ: next"}) as server:
        ask(server)
        assert "think_end_token=</think>" in caplog.text
        caplog.clear()
        instance = ask(server, think_end_token="</think>")
    assert instance.resps == ["4"]
    assert "First I add" in (instance.info[0].reasoning or "")
    assert "think_end_token" not in caplog.text


@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("field", {}),
        ("field", {"think_end_token": "</think>"}),
        ("field", {"score_reasoning": True}),
        ("tags", {"think_end_token": "</think>"}),
    ],
)
def test_a_thought_that_is_cut_is_no_answer(place: Any, arguments: dict[str, Any]) -> None:
    with MockServer(profile="vllm", reasoning=THOUGHT, reasoning_in=place, answers={"": "4"}) as server:
        instance = ask(server, settings={"max_gen_toks": 5}, **arguments)
    assert (instance.resps, instance.info[0].outcome) == ([""], "reasoning_only")


def test_a_thought_without_its_end_is_no_answer() -> None:
    with MockServer(profile="vllm", reasoning=THOUGHT, reasoning_in="no-end") as server:
        instance = ask(server)
    assert (instance.resps, instance.info[0].outcome) == ([""], "reasoning_only")


@pytest.mark.parametrize(("scored", "response", "outcome"), [(False, "", "reasoning_only"), (True, "4", "ok")])
def test_the_reasoning_text_is_scored_on_request(scored: bool, response: str, outcome: str) -> None:
    with MockServer(profile="llamacpp", reasoning_in="whole", answers={"": "4\n\nQ: next"}) as server:
        instance = ask(server, score_reasoning=scored)
    assert (instance.resps, instance.info[0].outcome) == ([response], outcome)


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "sglang"])
def test_a_thought_is_switched_off_and_limited_on_servers_with_templates(
    profile: str, caplog: pytest.LogCaptureFixture
) -> None:
    with MockServer(profile=profile, reasoning=THOUGHT, answers={"": "4"}) as server:
        assert ask(server, enable_thinking=False).info[0].reasoning is None
        if profile != "sglang":
            usage = ask(server, thinking_budget=3).info[0].usage
            assert usage is not None and usage.reasoning == 1 + 3
    assert "still thinks" not in caplog.text


def test_a_switch_without_effect_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile="default", reasoning=THOUGHT, answers={"": "4"}) as server:
        server._app.served.profile = __import__("dataclasses").replace(
            server._app.served.profile, template_switches_thinking=False
        )
        ask(server, enable_thinking=False)
    assert "enable_thinking=false, but the model still thinks" in caplog.text


def test_a_limit_that_holds_no_thought_is_told_with_the_flag(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile="vllm", reasoning=THOUGHT, answers={"": "4"}) as server:
        ask(server, settings={"max_gen_toks": 256})
        assert "The task allows 256 tokens" in caplog.text
        assert "--gen_kwargs max_gen_toks=16384" in caplog.text
        caplog.clear()
        ask(server, settings={"max_gen_toks": 4096})
        assert "Raise the limit" not in caplog.text
        ask(server, settings={"max_gen_toks": 4096}, thinking_budget=4000)
        assert "Raise the limit" in caplog.text


@pytest.mark.parametrize(
    ("url", "arguments", "expected"),
    [
        (
            "http://localhost:8000/v1",
            {"enable_thinking": False},
            {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
        ),
        ("http://localhost:8000/v1", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        (
            "http://localhost:8000/v1",
            {"thinking_budget": 64},
            {
                "thinking_token_budget": 64,
                "thinking_budget_tokens": 64,
                "chat_template_kwargs": {"thinking_budget": 64},
            },
        ),
        ("http://localhost:8000/v1", {"chat_template_kwargs": {"a": 1}}, {"chat_template_kwargs": {"a": 1}}),
        ("https://api.openai.com/v1", {"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
        (
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            {"enable_thinking": True, "thinking_budget": 64},
            {"enable_thinking": True, "thinking_budget": 64},
        ),
        ("https://api.deepseek.com", {"enable_thinking": False}, {"thinking": {"type": "disabled"}}),
        (
            "https://api.anthropic.com/v1",
            {"thinking_budget": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
        ),
        (
            "https://openrouter.ai/api/v1",
            {"reasoning_effort": "low", "enable_thinking": True},
            {"reasoning": {"effort": "low", "enabled": True}},
        ),
        (
            "https://generativelanguage.googleapis.com/v1beta/openai",
            {"enable_thinking": False},
            {"extra_body": {"google": {"thinking_config": {"thinking_budget": 0}}}},
        ),
    ],
)
def test_each_argument_becomes_what_the_endpoint_takes(
    url: str, arguments: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    assert fields(url, **arguments) == expected


def test_the_responses_api_has_its_own_field_for_the_effort() -> None:
    assert fields("https://api.openai.com/v1", "/responses", reasoning_effort="low") == {"reasoning": {"effort": "low"}}


@pytest.mark.parametrize("arguments", [{"enable_thinking": True}, {"thinking_budget": 5}])
def test_a_service_without_the_field_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"api\.openai\.com has no field for .* reasoning_effort"):
        fields("https://api.openai.com/v1", **arguments)


def test_a_host_that_ends_like_a_service_is_none() -> None:
    assert fields("http://not-api.deepseek.com.example/v1", enable_thinking=True).keys() == {"chat_template_kwargs"}


def test_endpoints_that_are_told_in_different_ways_are_refused() -> None:
    args = ModelArguments.parse({"enable_thinking": True})
    with pytest.raises(ConfigError, match="one by one"):
        thinking_fields(args, "/chat/completions", ["http://a/v1", "https://api.deepseek.com"])


def test_prompts_that_are_text_get_no_fields_and_templates_get_variables() -> None:
    arguments = {"enable_thinking": False, "reasoning_effort": "low", "chat_template_kwargs": {"a": 1}}
    assert fields("http://localhost:8000/v1", "/completions", **arguments) == {}
    args = ModelArguments.parse({**arguments, "extra_body": {"chat_template_kwargs": {"a": 2}}})
    assert template_settings(args) == {
        "enable_thinking": False, "thinking": False, "reasoning_effort": "low", "a": 2
    }  # fmt: skip
    with MockServer(answers={"": "4"}) as server:
        assert ask(server, LocalCompletionsAPI, enable_thinking=False).resps == ["4"]


def test_settings_of_the_run_and_the_body_come_before_the_arguments() -> None:
    lm = LocalChatCompletion(
        model="m", base_url="http://h", enable_thinking=True, extra_body={"chat_template_kwargs": {"b": 3}}
    )
    instance = Instance("generate_until", {}, ("q", {}), 0)
    body = lm.harness_pool.requests.generation_payload([instance], {"chat_template_kwargs": {"enable_thinking": False}})
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": True, "b": 3}


def test_the_results_say_how_the_model_was_asked_to_think() -> None:
    with MockServer(profile="vllm", reasoning=THOUGHT, answers={"": "4"}) as server:
        lm = LocalChatCompletion(model="mock", base_url=server.base_url, reasoning_effort="low")
        lm.harness_prepare(RunContext(request_types=GENERATES, generation=[{}]))
    assert lm.harness_describe()["thinking"] == {
        "asked": True, "seen": "apart", "fields": {"reasoning_effort": "low"}
    }  # fmt: skip


def test_a_thought_that_a_stop_string_cut_is_found_by_a_second_look() -> None:
    with MockServer(profile="vllm", reasoning=THOUGHT, reasoning_in="end-tag", answers={"": "4\n\nQ: next"}) as server:
        instance = ask(server, settings={"max_gen_toks": 4096})
        bodies = [request.body or {} for request in server.requests]
    assert ["stop" in body for body in bodies] == [True, False, False]
    assert instance.resps == ["\nFirst I add two and two."]


def test_a_server_that_writes_text_gives_the_variables_to_its_template(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    seen: list[Any] = []

    def handler(request: web.Request, body: Any) -> web.Response:
        if request.path == "/apply-template":
            seen.append(body)
            return web.json_response({"prompt": "".join(str(message["content"]) for message in body["messages"])})
        if body is None or not request.path.endswith("/completions"):
            return web.Response(status=404, text="404: Not Found")
        return completion("4")

    with ScriptedServer(handler) as server:
        lm = LocalCompletionsAPI(model="mock", base_url=server.url, enable_thinking=False)
        lm.harness_prepare(RunContext(request_types=GENERATES, generation=[{}], chat=True))
        assert "have no effect" not in caplog.text
        lm.harness_prepare(RunContext(request_types=GENERATES, generation=[{}]))
        assert "have no effect on prompts that are text" in caplog.text
    assert seen
    assert all(body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False} for body in seen)


@pytest.mark.parametrize(("profile", "told"), [("sglang", True), ("vllm", False)])
def test_a_budget_without_effect_is_told(profile: str, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile=profile, reasoning="a long thought " * 30, answers={"": "4"}) as server:
        assert ask(server, settings={"max_gen_toks": 400}, thinking_budget=9).resps == ["4"]
    assert ("thinking_budget=9 has no effect on this server: 1 of 1 thoughts are longer" in caplog.text) is told


def test_what_vllm_says_of_a_budget_without_a_parser_is_explained() -> None:
    words = "thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-parser"
    hint = hint_for(words)
    assert hint is not None and "--reasoning-parser" in hint.advice
    assert refused_field(words, ["temperature", "thinking_token_budget"]) is None
