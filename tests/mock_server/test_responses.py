from __future__ import annotations

from typing import Any

import pytest
import requests

from lm_eval.mock_server import MockServer
from lm_eval.mock_server.json_text import thaw
from lm_eval.mock_server.responses import answer_response, as_response
from lm_eval.mock_server.served_model import ServedModel

from .helpers import JSON, chat_json, refused, served_model


def respond(served: ServedModel | str, given: Any = "What is 2 + 2?", **fields: Any) -> JSON:
    served = served_model(served, answers={"": "4"}) if isinstance(served, str) else served
    body = {"model": "mock", "input": given, "temperature": 0, "max_output_tokens": 50, **fields}
    answer, _ = answer_response(served, body)
    return as_response(served, body, thaw(answer))


def text(response: JSON) -> str:
    (message,) = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for part in message["content"])


@pytest.mark.parametrize("profile", ["default", "openai", "vllm", "llamacpp", "sglang"])
def test_a_response_has_the_text_of_the_chat_answer(profile: str) -> None:
    served = served_model(profile)
    response = respond(served, [{"role": "user", "content": [{"type": "input_text", "text": "Hello, how are you?"}]}])
    assert text(response) == chat_json(served, max_tokens=50)["choices"][0]["message"]["content"]
    assert (response["object"], response["error"]) == ("response", None)
    usage = response["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_instructions_are_a_system_message() -> None:
    seen: list[str] = []
    served = served_model(answers=lambda prompt: seen.append(prompt))
    respond(served, "Hello", instructions="Be brief.")
    assert seen == ["Be brief.\n\nHello"]


@pytest.mark.parametrize(("profile", "shown"), [("vllm", "two and two"), ("openai", None)])
def test_a_thought_is_an_item_of_its_own(profile: str, shown: str | None) -> None:
    response = respond(served_model(profile, reasoning="two and two", answers={"": "4"}))
    assert [item["type"] for item in response["output"]] == ["reasoning", "message"]
    parts = response["output"][0].get("content", [])
    assert [part["text"].strip() for part in parts] == ([shown] if shown else [])
    assert text(response) == "4"
    assert response["usage"]["output_tokens_details"]["reasoning_tokens"] > 0


def test_a_response_that_is_cut_says_so() -> None:
    response = respond(served_model("vllm", reasoning="a long thought " * 9), max_output_tokens=5)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert [item["type"] for item in response["output"]] == ["reasoning"]


def test_llamacpp_calls_a_cut_response_complete_and_wants_the_type_of_its_own_items() -> None:
    assert respond("llamacpp", max_output_tokens=1)["status"] == "completed"
    item = {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    assert refused(respond, "llamacpp", [item])[0] == 400
    assert respond("llamacpp", [{**item, "type": "message"}, {"role": "user", "content": "y"}])["output"]


@pytest.mark.parametrize(
    ("profile", "fields", "param"),
    [
        ("openai", {"seed": 1}, "seed"),
        ("openai", {"stop": ["x"]}, "stop"),
        ("openai", {"max_output_tokens": 1}, "max_output_tokens"),
        ("default", {"input": 5}, "input"),
        ("default", {"input": [{"type": "function_call_output"}]}, "input"),
        ("default", {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}, "input"),
        ("default", {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "input"),
        ("default", {"input": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "input"),
        ("default", {"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_bad_requests_are_refused(profile: str, fields: dict[str, Any], param: str) -> None:
    given = fields.pop("input", "Hello")
    status, body = refused(respond, profile, given, **fields)
    assert status in (400, 404)
    assert body["error"]["param"] == param


@pytest.mark.parametrize(
    ("fault", "status", "found"),
    [
        ("length-cut", "incomplete", "output_text"),
        ("content-filter", "incomplete", None),
        ("refusal", "completed", "refusal"),
        ("finish-error", "failed", "output_text"),
    ],
)
def test_faults_have_the_form_of_a_response(fault: str, status: str, found: str | None) -> None:
    with MockServer(faults=[fault], answers={"": "four and four"}) as server:
        body = requests.post(f"{server.base_url}/responses", json={"model": "mock", "input": "Hello"}, timeout=10)
    response = body.json()
    assert response["status"] == status
    assert [part["type"] for item in response["output"] for part in item["content"]] == ([found] if found else [])
    assert (response["error"] is not None) == (status == "failed")


@pytest.mark.parametrize("profile", ["tgi", "transformers", "llamacpp-python"])
def test_some_servers_have_no_responses(profile: str) -> None:
    with MockServer(profile=profile) as server:
        assert requests.post(f"{server.base_url}/responses", json={"input": "x"}, timeout=10).status_code == 404


def test_a_tool_in_the_form_of_the_chat_api_is_refused() -> None:
    from lm_eval.errors import Refused

    served = served_model()
    flat: JSON = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    asked: JSON = {"model": "mock", "input": "x", "tools": [flat], "tool_choice": {"type": "function", "name": "f"}}
    answer, _ = answer_response(served, asked)
    items: Any = as_response(served, asked, thaw(answer))["output"]
    assert [(item["type"], item.get("name"), item.get("arguments")) for item in items] == [("function_call", "f", "{}")]
    with pytest.raises(Refused):
        answer_response(served, {**asked, "tools": [{"type": "function", "function": flat}]})
