"""The Responses API: what is sent, and what each kind of response means."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.api.registry import get_model
from lm_eval.errors import CapabilityError, ConfigError, EndpointNotFound
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_responses import LocalResponses, OpenAIResponses
from tests.models.scripted import ScriptedServer, message

GENERATES = frozenset({"generate_until"})
SETTINGS: dict[str, Any] = {"max_gen_toks": 64, "until": ["\n\n"]}


def responded(*items: dict[str, Any], **more: Any) -> web.Response:
    usage = {"input_tokens": 7, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}}
    body = {"object": "response", "status": "completed", "error": None, "output": items, "usage": usage, **more}
    return web.json_response(body)


def said(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def text(value: str) -> dict[str, Any]:
    return {"type": "output_text", "text": value, "annotations": []}


def ask(url: str, prompt: Any = "What is 2 + 2?", media: Any = None, **arguments: Any) -> Instance:
    settings = {**SETTINGS, **arguments.pop("settings", {})}
    lm = LocalResponses(model="mock", base_url=url, max_retries=0, **arguments)
    given = (prompt, settings) if media is None else (prompt, settings, media)
    instance = Instance("generate_until", {}, given, 0, ("sums", 0, 1))
    lm.harness_respond([instance])
    return instance


def test_both_names_are_registered() -> None:
    assert get_model("local-responses") is LocalResponses
    assert get_model("openai-responses") is OpenAIResponses


def test_the_exact_body() -> None:
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "Q"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A"}]}, {"role": "user", "content": "R"},
    ]  # fmt: skip
    with ScriptedServer(lambda request, body: responded(said(text("42")))) as server:
        lm = LocalResponses(model="m", base_url=server.url)
        prompt = lm.apply_chat_template(history)
        instance = Instance("generate_until", {}, (prompt, {**SETTINGS, "temperature": 0.5, "top_p": 0.9}), 0)
        assert lm.generate_until([instance]) == ["42"]
    path, _, body = server.seen[0]
    assert path == "/v1/responses"
    assert body == {
        "model": "m",
        "input": [
            {"type": "message", "role": "system", "content": "S"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Q"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
            {"type": "message", "role": "user", "content": "R"},
        ],
        "store": False,
        "max_output_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
    }


def test_settings_of_the_chat_api_get_their_names_here() -> None:
    schema = {"name": "s", "schema": {"type": "object"}, "strict": True}
    settings = {
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": schema},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    }
    with ScriptedServer(lambda request, body: responded(said(text("42")))) as server:
        ask(server.url, settings=settings)
    (body,) = server.bodies
    assert body["reasoning"] == {"effort": "low"}
    assert body["text"] == {"format": {"type": "json_schema", **schema}}
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": {}}]


def test_an_image_is_an_input_image() -> None:
    with MockServer(answers={"": "a cat"}) as server:
        instance = ask(server.base_url, media={"visual": ["https://example.org/cat.png"]})
        (body,) = [request.body for request in server.requests]
        assert server.stats.images == 1
    assert instance.resps == ["a cat"]
    assert body is not None
    items: Any = body["input"]
    parts = items[0]["content"]
    assert parts[0] == {"type": "input_image", "image_url": "https://example.org/cat.png", "detail": "auto"}
    assert parts[1]["type"] == "input_text"


@pytest.mark.parametrize(
    ("reply", "response", "outcome", "reasoning"),
    [
        (responded(said(text("4\n\nQ"))), "4", "ok", None),
        (responded(said(text("fo"), text("ur"))), "four", "ok", None),
        (responded({"type": "reasoning", "summary": []}, said(text("4"))), "4", "ok", None),
        (
            responded({"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}, said(text("4"))),
            "4", "ok", "hm",
        ),
        (
            responded({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}),
            "", "reasoning_only", "hm",
        ),
        (
            responded(said(text("fou")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "fou", "length", None,
        ),
        (
            responded(said(text("fou")), status="incomplete", incomplete_details={"reason": "content_filter"}),
            "fou", "filtered", None,
        ),
        (responded(said({"type": "refusal", "refusal": "No."})), "", "refusal", None),
        (responded(said(text("")), usage=None), "", "empty", None),
    ],
)  # fmt: skip
def test_each_kind_of_response(reply: web.Response, response: str, outcome: str, reasoning: str | None) -> None:
    with ScriptedServer(lambda request, body: web.Response(body=reply.body, content_type="application/json")) as server:
        instance = ask(server.url)
    assert instance.error is None
    assert instance.resps == [response]
    assert (instance.info[0].outcome, instance.info[0].reasoning) == (outcome, reasoning)


def test_tokens_are_counted() -> None:
    with ScriptedServer(lambda request, body: responded(said(text("4")))) as server:
        usage = ask(server.url).info[0].usage
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.reasoning) == (7, 5, 2)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "boom"}}, "server_error"),
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "no"}}, "rejected"),
        ({"status": "failed"}, "server_error"),
        ({"status": "cancelled"}, "server_error"),
    ],
)
def test_a_response_that_failed_is_an_error(more: dict[str, Any], kind: str) -> None:
    with ScriptedServer(lambda request, body: responded(said(text("half")), **more)) as server:
        instance = ask(server.url)
    assert instance.error is not None
    assert instance.error.kind == kind


@pytest.mark.parametrize("profile", ["vllm", "llamacpp"])
def test_a_cut_answer_is_told_whatever_its_status(profile: str) -> None:
    with MockServer(profile=profile, answers={"": "one two three four five six"}) as server:
        instance = ask(server.base_url, settings={"max_gen_toks": 3})
        assert instance.info[0].outcome == "length"
        assert ask(server.base_url).info[0].outcome == "ok"


def test_a_body_without_items_is_an_error() -> None:
    with ScriptedServer(lambda request, body: web.json_response({"object": "response", "output": None})) as server:
        assert ask(server.url).error is not None


@pytest.mark.parametrize("profile", ["default", "openai", "vllm", "llamacpp", "sglang"])
def test_a_run_on_the_mock_server(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(profile=profile, reasoning="two and two\n\nare", answers={"": "4\n\nQ: next"}) as server:
        lm = LocalResponses(model="mock", base_url=server.base_url)
        lm.harness_prepare(RunContext(request_types=GENERATES, generation=[SETTINGS]))
        instance = Instance("generate_until", {}, ("What is 2 + 2?", dict(SETTINGS)), 0, ("sums", 0, 1))
        lm.harness_respond([instance])
    assert instance.resps == ["4"]
    assert instance.info[0].usage is not None and instance.info[0].usage.reasoning > 0
    assert lm.harness_describe()["thinking"]["seen"] == "apart"
    assert "The task allows 64 tokens" in caplog.text


def test_a_refused_field_is_learnt_here_too() -> None:
    settings = {**SETTINGS, "temperature": 1}
    with MockServer(refuses=["temperature:property"], answers={"": "4"}) as server:
        lm = LocalResponses(model="mock", base_url=server.base_url)
        lm.harness_prepare(RunContext(request_types=GENERATES, generation=[settings]))
        assert lm.generate_until([Instance("generate_until", {}, ("2 + 2?", settings), 0, ("t", 0, 1))]) == ["4"]


@pytest.mark.parametrize(("model", "sent"), [("gpt-5-mini", False), ("gpt-4o", True)])
def test_reasoning_models_of_openai_take_no_temperature(model: str, sent: bool) -> None:
    lm = OpenAIResponses(model=model, auth_token="key-of-a-test", reasoning_effort="low")
    instance = Instance("generate_until", {}, ("q", {}), 0)
    body = lm.harness_pool.requests.generation_payload([instance], {"max_gen_toks": 9})
    assert ("temperature" in body) is sent
    assert body["reasoning"] == {"effort": "low"}
    assert lm.base_url == "https://api.openai.com/v1"


def test_openai_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        _ = OpenAIResponses(model="gpt-4o").header


@pytest.mark.parametrize("arguments", [{}, {"scoring": "chat_first_token"}])
def test_there_are_no_log_likelihoods(arguments: dict[str, Any]) -> None:
    with MockServer() as server:
        lm = LocalResponses(model="mock", base_url=server.base_url, **arguments)
        with pytest.raises(CapabilityError, match="local-completions"):
            lm.loglikelihood([Instance("loglikelihood", {}, ("a", " b"), 0, ("t", 0, 1))])


def test_a_url_with_the_path_is_the_same_server() -> None:
    with MockServer(answers={"": "4"}) as server:
        assert ask(f"{server.base_url}/responses").resps == ["4"]


def test_a_server_with_chat_only_is_named() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if request.path.endswith("/chat/completions"):
            return message("fine")
        return web.Response(status=404, text="404: Not Found")

    with ScriptedServer(handler) as server, pytest.raises(EndpointNotFound, match="local-chat-completions"):
        LocalResponses(model="mock", base_url=server.url).harness_prepare(
            RunContext(request_types=GENERATES, generation=[SETTINGS])
        )
