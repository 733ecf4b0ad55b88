"""What a server refuses of a run's own settings is said before anything is paid."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.model import RunContext
from lm_eval.errors import ContextLengthExceeded, EndpointNotFound, RequestRejected
from lm_eval.mock_server import MockServer
from lm_eval.models import first_check
from lm_eval.models.first_check import distinct_settings
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.scripted import ScriptedServer, completion, message

GENERATES = frozenset({"generate_until"})


def prepare(
    url: str, *settings: Mapping[str, object], chat: bool = True, system: str | None = None, **arguments: Any
) -> None:
    lm = (LocalChatCompletion if chat else LocalCompletionsAPI)(model="mock", base_url=url, **arguments)
    lm.harness_pool.session._probe_policy.first_wait = 0.01
    lm.harness_prepare(RunContext(request_types=GENERATES, generation=settings, system_instruction=system))


def test_the_first_request_has_the_settings_of_the_run() -> None:
    with ScriptedServer(lambda request, body: message("fine")) as server:
        prepare(
            server.url, {"max_gen_toks": 777, "until": ["\n\n"], "temperature": 0.5, "top_p": 0.9}, system="Be brief."
        )
    (body,) = server.bodies
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["max_tokens"] == 777
    assert body["stop"] == ["\n\n"]
    assert body["seed"] == 1234
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)


@pytest.mark.parametrize(
    ("status", "words", "flag"),
    [
        (400, "`temperature` and `top_p` cannot both be specified", "--gen_kwargs temperature=none"),
        (500, "UnsupportedParamsError: does not support parameters: {'temperature': 0}", "temperature=none"),
        (400, "System role not supported", "--system_instruction"),
        (422, "something else", "settings of the run"),
    ],
)
def test_a_refusal_of_the_settings_ends_the_run_before_it_begins(status: int, words: str, flag: str) -> None:
    with ScriptedServer(
        lambda request, body: web.json_response({"error": {"message": words}}, status=status)
    ) as server:
        with pytest.raises(RequestRejected) as caught:
            prepare(server.url, {"max_gen_toks": 8})
        assert len(server.seen) == 2
    assert words in str(caught.value)
    assert flag in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("chat", [True, False])
def test_a_limit_beyond_the_window_is_said_before_the_run(chat: bool) -> None:
    with MockServer(profile="vllm", max_model_len=512) as server:
        prepare(server.base_url, {"max_gen_toks": 64}, chat=chat)
        with pytest.raises(ContextLengthExceeded) as caught:
            prepare(server.base_url, {"max_gen_toks": 64}, {"max_gen_toks": 4096}, chat=chat)
    assert "max_gen_toks=4096 does not fit the model's window" in str(caught.value)
    assert "--gen_kwargs max_gen_toks=N" in str(caught.value)


def test_a_limit_beyond_max_length_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(lambda request, body: message("fine")) as server:
        prepare(server.url, {"max_gen_toks": 4096}, max_length=2048)
    assert "max_gen_toks=4096 does not fit the model's window of 2048 tokens" in caplog.text


def test_one_prompt_that_is_refused_refuses_no_run(caplog: pytest.LogCaptureFixture) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if body["messages"][-1]["content"] == "Hello":
            return web.json_response({"error": {"message": "not this"}}, status=400)
        return message("fine")

    caplog.set_level(logging.WARNING, "lm_eval")
    with ScriptedServer(handler) as server:
        prepare(server.url, {"max_gen_toks": 8})


def test_a_slow_answer_to_the_settings_refuses_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_check, "_PATIENCE", 0.2)
    with MockServer(faults=["slow=1.5"], answers=lambda prompt: "An answer.") as server:
        prepare(server.base_url, {"max_gen_toks": 8000})
        assert [request.body and request.body["max_tokens"] for request in server.requests] == [8000, 1]


def test_settings_that_differ_in_their_fields_are_asked_and_the_longest_of_each() -> None:
    short, long, sampled = {"max_gen_toks": 5, "until": ["a"]}, {"max_tokens": 9, "until": ["b"]}, {"temperature": 1}
    assert distinct_settings([short, long, sampled], 256) == [long, sampled]


def without(path: str) -> Any:
    def handler(request: web.Request, body: Any) -> web.Response:
        if request.path.endswith("/chat/completions"):
            return message("fine") if path != "/chat/completions" else web.Response(status=404, text="404: Not Found")
        if request.path.endswith("/completions"):
            return (
                completion("fine") if path != "/completions" else web.json_response({"detail": "Not Found"}, status=404)
            )
        return web.Response(status=404, text="404: Not Found")

    return handler


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("kind", ["generate_until", "loglikelihood"])
def test_the_model_class_for_the_other_api_is_named(chat: bool, kind: Any) -> None:
    if chat and kind == "loglikelihood":
        return  # refused without a request
    path, other = ("/chat/completions", "local-completions") if chat else ("/completions", "local-chat-completions")
    with ScriptedServer(without(path)) as server, pytest.raises(EndpointNotFound) as caught:
        lm = (LocalChatCompletion if chat else LocalCompletionsAPI)(model="mock", base_url=server.url)
        lm.harness_prepare(RunContext(request_types=frozenset({kind})))
    assert f"--model {other}" in str(caught.value)
    assert f"has no {path}" in str(caught.value)


def test_a_model_that_is_not_there_is_not_taken_for_a_missing_api() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        return web.json_response({"error": {"message": "The model `mock` does not exist."}}, status=404)

    with ScriptedServer(handler) as server, pytest.raises(EndpointNotFound) as caught:
        prepare(server.url, {"max_gen_toks": 8})
    assert len(server.seen) == 1
    assert "does not exist" in str(caught.value)


@pytest.mark.parametrize(
    ("chat", "path", "said"),
    [
        (False, "/chat/completions", True), (False, "/chat/completions/", True), (False, "/completions", False),
        (False, "", False), (True, "/completions", True), (True, "/chat/completions", False), (True, "", False),
    ],
)  # fmt: skip
def test_a_base_url_of_the_other_api_is_said(
    chat: bool, path: str, said: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kind = LocalChatCompletion if chat else LocalCompletionsAPI
    kind(model="m", base_url=f"http://user:secret@h/v1{path}")
    assert ("this model asks" in caplog.text) is said
    assert "secret" not in caplog.text
    if said:
        assert ("--model local-completions" if chat else "--model local-chat-completions") in caplog.text
