"""Which requests ask for a stream, and what becomes of streams that fail."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.errors import APIError, ConnectionBroken, MalformedResponse, ServerError
from lm_eval.mock_server import MockServer
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.streaming import Streaming
from lm_eval.models.http.transport import encode
from lm_eval.models.work import Call, Reply
from tests.models.http.test_engine import ask
from tests.models.scripted import ScriptedServer, completion

PAYLOAD = {"model": "m", "prompt": "p", "max_tokens": 8}
USAGE = {"prompt_tokens": 2, "completion_tokens": 3}


def call(path: str = "/completions", **more: Any) -> Call:
    return Call(path, {**PAYLOAD, **more})


def added(given: Call) -> dict[str, Any]:
    body = encode(given.payload)
    sent = json.loads(Streaming(True).applied(given, body) or b"{}")
    return {name: value for name, value in sent.items() if name not in given.payload}


def test_requests_that_generate_text_ask_for_a_stream_and_its_token_counts() -> None:
    both = {"stream": True, "stream_options": {"include_usage": True}}
    assert added(call()) == added(call("/chat/completions")) == added(Call("/completions", {"prompt": "p"})) == both
    assert added(call("/responses", max_output_tokens=9)) == {"stream": True}


@pytest.mark.parametrize(
    "given",
    [
        call(max_tokens=1),
        call(max_tokens=0),
        call(echo=True),
        call(prompt_logprobs=1),
        call(stream=True),
        call("//tokenize"),
        Call("/models", {}),
    ],
)
def test_other_requests_do_not(given: Call) -> None:
    assert added(given) == {}


def test_without_the_argument_nothing_is_added() -> None:
    body = encode(PAYLOAD)
    assert Streaming(ModelArguments().stream).applied(call(), body) is body


def streamed(*pieces: bytes, content_type: str = "text/event-stream", compressed: bool = False) -> web.Response:
    raw = b"".join(pieces)
    headers = {"Content-Type": content_type}
    if compressed:
        return web.Response(body=gzip.compress(raw), headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=raw, headers=headers)


def event(text: str, finish: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "text": text, "finish_reason": finish}]}).encode() + b"\n\n"


GOOD = [event("4"), event("2", "stop"), b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"]
DONE = b"data: [DONE]\n\n"


def text_of(reply: object) -> str:
    assert isinstance(reply, Reply)
    assert isinstance(reply.body, dict)
    return str(reply.body["choices"][0]["text"])


@pytest.mark.parametrize("more", [{}, {"compressed": True}, {"content_type": "text/plain"}])
def test_a_streamed_answer_is_read(more: dict[str, Any]) -> None:
    with ScriptedServer(lambda request, body: streamed(*GOOD, DONE, **more)) as server:
        (reply,), session = ask(server.url, [call()], stream=True)
    assert text_of(reply) == "42"
    assert session.accounting.usage.completion == 3


def test_a_server_that_ignores_the_wish_is_read_whole() -> None:
    with ScriptedServer(lambda request, body: completion("42")) as server:
        (reply,), _ = ask(server.url, [call()], stream=True)
    assert text_of(reply) == "42"
    assert isinstance(reply, Reply)
    assert reply.timing is not None
    assert reply.timing.first_token is None


async def broken_off(request: web.Request, body: object) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(GOOD[0])
    assert request.transport is not None
    request.transport.abort()
    return response


@pytest.mark.parametrize(
    "first",
    [
        lambda request, body: streamed(*GOOD[:1]),
        lambda request, body: streamed(GOOD[0], b'data: {"error": {"message": "died", "code": 500}}\n\n', DONE),
        lambda request, body: streamed(GOOD[0], b"data: {\n\n"),
        lambda request, body: streamed(GOOD[0], DONE),
        broken_off,
    ],
)
def test_a_stream_that_fails_is_retried(first: Callable[[web.Request, Any], Any]) -> None:
    failures = [first]

    def handler(request: web.Request, body: object) -> Any:
        return failures.pop()(request, body) if failures else streamed(*GOOD, DONE)

    with ScriptedServer(handler) as server:
        (reply,), session = ask(server.url, [call()], stream=True)
    assert text_of(reply) == "42"
    assert isinstance(reply, Reply)
    assert session.accounting.retries == 1
    assert reply.timing is not None
    assert reply.timing.retried


@pytest.mark.parametrize(
    ("pieces", "kind", "words"),
    [
        ([GOOD[0]], ConnectionBroken, "ended before the answer was complete"),
        ([GOOD[0], b"data: {\n\n"], MalformedResponse, "an event of the stream is not JSON"),
        ([GOOD[0], b'data: {"error": {"message": "died", "code": 500}}\n\n'], ServerError, "died"),
    ],
)
def test_a_stream_that_always_fails_is_an_error_with_its_reason(
    pieces: list[bytes], kind: type[APIError], words: str
) -> None:
    with ScriptedServer(lambda request, body: streamed(*pieces)) as server:
        (error,), _ = ask(server.url, [call()], stream=True, max_retries=0)
    assert isinstance(error, kind)
    assert words in str(error)


@pytest.mark.parametrize("stream", [True, False])
def test_the_journal_has_the_answer_whether_it_was_streamed_or_not(tmp_path: Path, stream: bool) -> None:
    journal = tmp_path / "journal"

    def handler(request: web.Request, body: Mapping[str, object]) -> web.Response:
        return streamed(*GOOD, DONE) if body.get("stream") else completion("42")

    with ScriptedServer(handler) as server:
        ask(server.url, [call()], journal=journal, stream=stream)
        (reply,), session = ask(server.url, [call()], journal=journal, stream=not stream)
    assert len([body for body in server.bodies if body]) == 1
    assert text_of(reply) == "42"
    assert isinstance(reply, Reply)
    assert (reply.cached, reply.timing, session.accounting.requests) == (True, None, 0)


@pytest.mark.parametrize(
    ("refused", "message", "streams"),
    [
        ({"stream_options"}, "Unrecognized request argument supplied: stream_options", True),
        ({"stream", "stream_options"}, "Unsupported parameter: 'stream' is not supported with this model.", False),
        ({"stream"}, "Streaming is not supported", False),
    ],
)
def test_what_the_server_refuses_is_left_out(
    refused: set[str], message: str, streams: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")

    def handler(request: web.Request, body: dict[str, Any]) -> web.Response:
        if refused & body.keys():
            return web.json_response({"error": {"message": message}}, status=400)
        return streamed(*GOOD, DONE) if body.get("stream") else completion("42")

    with ScriptedServer(handler) as server:
        replies, session = ask(server.url, [call(prompt="a"), call(prompt="b")], stream=True, num_concurrent=1)
    assert [text_of(reply) for reply in replies] == ["42", "42"]
    assert [("stream" in body) for body in server.bodies[-2:]] == [streams, streams]
    assert len(server.bodies) <= 4
    assert len(caplog.records) == 1
    assert session.accounting.failed == 0


@pytest.mark.parametrize(
    ("status", "message", "asked"),
    [
        (400, "max_tokens is too large", 1),
        (503, "The upstream is not available", 1),
        (503, "This stream is not available", 1),
        (400, "Unrecognized request argument supplied: stream_options", 2),
    ],
)
def test_a_refusal_that_does_not_end_is_an_error(status: int, message: str, asked: int) -> None:
    def handler(request: web.Request, body: object) -> web.Response:
        return web.json_response({"error": {"message": message}}, status=status)

    with ScriptedServer(handler) as server:
        (error,), session = ask(server.url, [call()], stream=True, max_retries=0)
    assert isinstance(error, APIError)
    assert len(server.bodies) == asked
    assert session._streaming.wanted


@pytest.mark.parametrize("fault", ["truncated", "reset", "stream-error", "close", "503", "drip=0.01"])
def test_faults_of_a_streaming_server_are_retried(fault: str) -> None:
    asked = [
        Call("/chat/completions", {"model": "mock", "max_tokens": 8, "messages": [{"role": "user", "content": "?"}]})
    ]
    with MockServer(faults=[fault]) as server:
        (first,), session = ask(server.base_url, asked, stream=True)
        (second,), _ = ask(server.base_url, asked, stream=False)
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert isinstance(first.body, dict)
    assert isinstance(second.body, dict)
    assert first.body["choices"][0]["message"]["content"] == second.body["choices"][0]["message"]["content"]
    assert session.accounting.retries == (0 if fault.startswith("drip") else 1)


@pytest.mark.parametrize(("software", "used_again"), [("llama.cpp", False), ("vllm", True)])
def test_a_connection_is_not_used_again_where_the_server_closes_it_after_a_stream(
    software: str, used_again: bool
) -> None:
    peers: list[object] = []

    def handler(request: web.Request, body: object) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        response = streamed(*GOOD, DONE)
        response.headers["Server"] = software
        return response

    with ScriptedServer(handler) as server:
        calls = [call(prompt=prompt) for prompt in "abc"]
        replies, session = ask(server.url, calls, stream=True, num_concurrent=1)
    assert [text_of(reply) for reply in replies] == ["42"] * 3
    assert session.accounting.retries == 0
    assert (peers[1] == peers[2]) is used_again
