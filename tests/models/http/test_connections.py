"""Connections are reused, answers may be large or compressed, addresses may be IPv4 or IPv6."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.config.redact import Redactor
from lm_eval.errors import EndpointUnreachable
from lm_eval.mock_server import MockServer
from lm_eval.models.http.transport import Transport, TransportSettings
from tests.models.complete_runs import model, run
from tests.models.scripted import ScriptedServer, completion


def ask(url: str, body: bytes = b"{}", **settings: Any) -> tuple[Any, bytes]:
    """Send one request; return the JSON of the answer and its bytes."""

    async def once() -> tuple[Any, bytes]:
        async with Transport(TransportSettings(**settings), Redactor()) as transport:
            parsed, raw, _ = await transport.send(url, body)
            return parsed, raw

    return asyncio.run(once())


def generated(count: int) -> list[Instance]:
    settings = {"until": ["\n"], "max_gen_toks": 1}
    return [Instance("generate_until", {}, (f"Question {n}?", settings), 0, ("t", n, 1)) for n in range(count)]


def test_a_thousand_requests_use_as_many_connections_as_are_in_flight() -> None:
    with MockServer() as server:
        lm, instances = model(server.base_url, num_concurrent=16), generated(1000)
        lm.harness_respond(instances)
        assert server.stats.asked == 1000
        assert 1 <= len(server.stats.peers) <= 16
        assert server.stats.max_in_flight <= 16
    assert all(instance.error is None for instance in instances)


def test_an_error_status_does_not_cost_the_connection() -> None:
    with MockServer(faults=["400:0.3", "429-retry-after-ms=1:0.2", "503-retry-after=0.001:0.2"]) as server:
        lm, instances = model(server.base_url, num_concurrent=4, max_retries=30), generated(100)
        lm.harness_respond(instances)
        assert server.stats.statuses[400] > 0
        assert len(server.stats.peers) <= 4


def test_the_echo_of_a_long_prompt_is_scored() -> None:
    context = " ".join(["the capital of France is Paris and the river runs by the old market"] * 1800)
    asked = Instance("loglikelihood", {}, (context, " Paris"), 0, ("t", 0, 1))
    with MockServer(max_model_len=10**6) as server:
        model(server.base_url).harness_respond([asked])
        expected = server.lm.logprob(context, " Paris")
        _, raw = ask(f"{server.base_url}/completions", json.dumps(server.requests[-1].body).encode())
    assert len(raw) > 2_000_000
    assert asked.error is None
    assert math.isclose(asked.resps[0][0], expected[0], abs_tol=1e-6)


def test_a_compressed_answer_is_decompressed() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        text = json.dumps({"choices": [{"index": 0, "text": "x" * 100_000}]})
        packed = gzip.compress(text.encode())
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json")

    with ScriptedServer(handler) as server:
        parsed, _ = ask(f"{server.url}/completions")
    assert parsed["choices"][0]["text"] == "x" * 100_000


def test_long_headers_of_a_gateway_are_accepted() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        response = completion("fine")
        response.headers["X-Trace"] = "t" * 30_000
        return response

    with ScriptedServer(handler) as server:
        assert ask(f"{server.url}/completions")[0]["choices"][0]["text"] == "fine"


def _ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _ipv6(), reason="no IPv6 loopback")
def test_an_ipv6_address_works() -> None:
    with MockServer() as plain:
        expected, _ = run(plain.base_url)
    with MockServer(host="::1") as server:
        assert server.base_url.startswith("http://[::1]:")
        found, lm = run(server.base_url)
    assert found == expected
    assert lm.harness_describe()["endpoints"] == [server.base_url]


@contextmanager
def deaf() -> Iterator[int]:
    """Return a port that accepts no connection: its queue is full and no process accepts from it."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="what a full queue does differs between systems")
def test_connecting_has_a_separate_time_limit() -> None:
    with deaf() as port, pytest.raises(EndpointUnreachable, match=r"No connection within 0\.2 s"):
        ask(f"http://127.0.0.1:{port}/v1/completions", connect_timeout=0.2, timeout=60)


def test_a_slow_server_is_not_a_connection_error() -> None:
    with MockServer(latency_ms=400) as server:
        lm, instances = model(server.base_url, connect_timeout=0.2, timeout=30), generated(2)
        lm.harness_respond(instances)
    assert all(instance.error is None for instance in instances)
    assert lm.harness_describe()["run"]["retries"] == 0
