from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from lm_eval.config.redact import Redactor
from lm_eval.errors import (
    APIError,
    ConnectionBroken,
    EndpointNotFound,
    EndpointUnreachable,
    MalformedResponse,
    RequestTimeout,
)
from lm_eval.models.http.transport import Transport, TransportSettings, decode, encode
from tests.models.scripted import Handler, ScriptedServer, completion

pytestmark = [
    pytest.mark.usefixtures("http_client"),
    pytest.mark.parametrize("http_client", ["plain", "session"], indirect=True),
]


def send(
    url: str, body: bytes = b"{}", redact: Redactor | None = None, **settings: Any
) -> tuple[Any, bytes, Mapping[str, str]]:
    async def once() -> tuple[Any, bytes, Mapping[str, str]]:
        async with Transport(TransportSettings(**settings), redact or Redactor()) as transport:
            return await transport.send(url, body)

    return asyncio.run(once())


def fails(handler: Handler, **settings: Any) -> APIError:
    with ScriptedServer(handler) as server, pytest.raises(APIError) as caught:
        send(f"{server.url}/completions", **settings)
    assert "\n" not in str(caught.value)
    return caught.value


async def cut(request: web.Request, body: Any) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.abort()
    return response


async def hang(request: web.Request, body: Any) -> web.StreamResponse:
    await asyncio.sleep(5)
    return completion("late")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, b""),
        ({"a": "é"}, '{"a":"é"}'.encode()),
        ({"b": 1, "a": [1.5, None]}, b'{"b":1,"a":[1.5,null]}'),
        ({"a": "\ud800"}, b'{"a":"\\ud800"}'),
    ],
)
def test_payloads_have_one_spelling(payload: dict[str, Any], expected: bytes) -> None:
    assert encode(payload) == expected


def test_an_answer_has_parsed_json_and_bytes() -> None:
    with ScriptedServer(lambda request, body: completion(" Paris")) as server:
        parsed, raw, headers = send(f"{server.url}/completions", b'{"prompt":"x"}', headers={"X-Own": "1"})
    assert parsed["choices"][0]["text"] == " Paris"
    assert b'" Paris"' in raw
    assert headers["Content-Type"].startswith("application/json")
    (path, sent, body) = server.seen[0]
    assert (path, body, sent["X-Own"]) == ("/v1/completions", {"prompt": "x"}, "1")


def test_an_empty_body_is_a_get() -> None:
    methods = []

    def handler(request: web.Request, body: Any) -> web.Response:
        methods.append(request.method)
        return web.json_response({"data": []})

    with ScriptedServer(handler) as server:
        send(f"{server.url}/models", b"")
    assert methods == ["GET"]


def test_a_large_answer_is_complete() -> None:
    with ScriptedServer(lambda request, body: completion("x" * 3_000_000)) as server:
        parsed, _, _ = send(f"{server.url}/completions")
    assert len(parsed["choices"][0]["text"]) == 3_000_000


@pytest.mark.parametrize("body", ['{"choices": [', "", "plain", "[1,"])
def test_other_text_than_json_is_malformed(body: str) -> None:
    error = fails(lambda request, _: web.Response(text=body))
    assert type(error) is MalformedResponse
    assert error.retryable


def test_html_suggests_to_check_the_url() -> None:
    error = fails(lambda request, _: web.Response(text="<html>Welcome</html>", content_type="text/html"))
    assert type(error) is MalformedResponse
    assert "check that base_url points at the API" in str(error)


def test_a_redirect_is_named_not_followed() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        return web.Response(status=301, headers={"Location": "https://other/v1/completions?key=secret"})

    error = fails(handler)
    assert type(error) is EndpointNotFound
    assert "https://other/v1/completions" in str(error)
    assert "secret" not in str(error)


def test_an_error_object_with_status_200_is_an_error() -> None:
    assert type(fails(lambda request, _: web.json_response({"error": "odd"}))) is MalformedResponse


def test_a_broken_connection_may_be_retried() -> None:
    error = fails(cut)
    assert type(error) is ConnectionBroken
    assert error.retryable


def test_no_answer_in_time_is_a_timeout() -> None:
    error = fails(hang, timeout=0.2)
    assert type(error) is RequestTimeout
    assert "0.2 s" in str(error)


def test_a_missing_server_is_unreachable() -> None:
    with pytest.raises(EndpointUnreachable, match="check that the server runs"):
        send(f"http://127.0.0.1:{closed_port()}/v1/completions")


def test_proxies_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with ScriptedServer(lambda request, body: completion("by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1").replace("http://", "http://me:proxy-secret@"))
        parsed, _, _ = send("http://model.invalid/v1/completions")
    assert parsed["choices"][0]["text"] == "by proxy"
    assert proxy.seen[0][1]["Host"] == "model.invalid"


def test_an_unreachable_proxy_does_not_show_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("http_proxy", f"http://me:proxy-secret@127.0.0.1:{closed_port()}")
    with pytest.raises(EndpointUnreachable) as caught:
        send("http://model.invalid/v1/completions")
    assert "proxy" in str(caught.value)
    assert "proxy-secret" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"a": NaN}', '"\\ud800"', '{"a": [1, 2.5, null, "ü"]}', "1e400"])
def test_json_that_only_the_standard_library_reads_is_read(text: str) -> None:
    assert repr(decode(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "<html>"])
def test_other_text_than_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text.encode())
