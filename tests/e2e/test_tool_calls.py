"""Tasks with tools on the chat endpoint of the mock server: what is sent, what comes back, and how it is scored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import CapabilityError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.tasks.tool_calls import utils

DOCS = utils.load()["test"]


def written(*calls: dict[str, Any]) -> str:
    """Write calls as a model does."""
    lines = (json.dumps({"name": call["name"], "arguments": call["arguments"]}) for call in calls)
    return "".join(f"<tool_call>{line}</tool_call>" for line in lines)


def gold_answer(doc: dict[str, Any]) -> str:
    return written(*doc["calls"]) or "I can only help with what my functions do."


def run(server: MockServer, model: str = "local-chat-completions", **options: Any) -> Any:
    arguments = {"base_url": server.base_url, "model": "mock", "num_concurrent": 1}
    if model == "local-completions":
        arguments["tokenizer_backend"] = "none"
    return simple_evaluate(
        model,
        arguments,
        tasks=["tool_calls_mini"],
        apply_chat_template=model != "local-completions",
        bootstrap_iters=0,
        **options,
    )


def test_right_calls_score_one_and_others_are_counted() -> None:
    answers = {doc["question"]: gold_answer(doc) for doc in DOCS}
    answers[DOCS[0]["question"]] = "It is cold there."
    answers[DOCS[1]["question"]] = '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": "}</tool_call>'
    answers[DOCS[2]["question"]] = written({"name": "get_local_time", "arguments": {"city": "Rome"}})
    # The second of two calls first: the order does not count.
    two = next(doc for doc in DOCS if doc["kind"] == "several")
    answers[two["question"]] = written(*reversed(two["calls"]))
    # A call where none is asked for.
    none = next(doc for doc in DOCS if doc["kind"] == "none")
    answers[none["question"]] = written({"name": none["offered"][0], "arguments": {"city": "x"}})
    with MockServer(answers=answers) as server:
        results = run(server, log_samples=True)
        bodies: list[Any] = [record.body for record in server.requests]
        sent = [body for body in bodies if isinstance(body, dict) and body.get("tools")]
    scored = results["results"]["tool_calls_mini"]
    assert scored["tool_calls,none"] == pytest.approx((len(DOCS) - 4) / len(DOCS))
    wanted = sum(bool(doc["calls"]) for doc in DOCS)
    assert results["notes"]["tool_calls_mini"] == [
        f"1 of {wanted} answers that should call a tool have no call, which counts as wrong",
        f"1 of {wanted} answers that should call a tool have a call that cannot be parsed, which counts as wrong",
    ]
    # What was sent: the functions of the document, and no stop string.
    assert len(sent) == len(DOCS)
    offered = {body["messages"][-1]["content"]: [tool["function"]["name"] for tool in body["tools"]] for body in sent}
    assert offered == {doc["question"]: doc["offered"] for doc in DOCS}
    assert not any("stop" in body for body in sent)
    samples = results["samples"]["tool_calls_mini"]
    assert samples[2]["resps"] == [
        [{"content": "", "tool_calls": [{"name": "get_local_time", "arguments": {"city": "Rome"}}]}]
    ]
    assert samples[1]["resps"][0][0]["tool_calls"] == [{"name": "get_weather", "arguments": '{"city": '}]
    assert samples[0]["resps"] == [[{"content": "It is cold there.", "tool_calls": []}]]
    assert [sample["tool_calls"] for sample in samples[:4]] == [0.0, 0.0, 0.0, 1.0]
    assert "response_info" not in samples[3]  # A call without text is no empty answer.


def test_saved_calls_are_scored_again(tmp_path: Path) -> None:
    from lm_eval.rescoring import rescore

    with MockServer(answers={doc["question"]: gold_answer(doc) for doc in DOCS}) as server:
        results = run(server, log_samples=True, output_path=str(tmp_path))
    assert results["results"]["tool_calls_mini"]["tool_calls,none"] == 1.0
    again = rescore(str(tmp_path))
    assert again["results"]["tool_calls_mini"]["tool_calls,none"] == 1.0


def test_a_completions_endpoint_is_refused_in_one_line() -> None:
    with MockServer() as server, pytest.raises(CapabilityError, match="tools need messages; use a chat endpoint"):
        run(server, "local-completions", limit=2)


def test_the_responses_api_calls_tools_too() -> None:
    with MockServer(answers={doc["question"]: gold_answer(doc) for doc in DOCS}) as server:
        results = run(server, "local-responses", log_samples=True)
        bodies: list[Any] = [record.body for record in server.requests]
    assert results["results"]["tool_calls_mini"]["tool_calls,none"] == 1.0
    names = [tool["name"] for body in bodies if isinstance(body, dict) for tool in body.get("tools", ())]
    assert set(names) == {name for doc in DOCS for name in doc["offered"]}
    (call,) = results["samples"]["tool_calls_mini"][2]["resps"][0][0]["tool_calls"]
    assert call == {"name": "get_local_time", "arguments": {"city": "Lima"}}


def test_a_choice_that_demands_a_call_is_sent_with_the_tools_alone() -> None:
    with MockServer() as server:
        results = run(server, limit=3, gen_kwargs={"tool_choice": "required"}, log_samples=True)
        bodies: list[Any] = [record.body for record in server.requests]
    assert all(("tool_choice" in body) == ("tools" in body) for body in bodies if isinstance(body, dict))
    calls = [sample["resps"][0][0]["tool_calls"] for sample in results["samples"]["tool_calls_mini"]]
    assert [call["name"] for (call,) in calls] == ["get_weather", "get_weather", "get_local_time"]
