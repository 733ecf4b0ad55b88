from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.mock_server import MockServer
from lm_eval.mock_server.tokenizer import default_tokenizer

from .helpers import get, post

THE = default_tokenizer().encode("The")[0]
Start = Callable[..., MockServer]
BODY = {"model": "mock", "prompt": "The capital of France is", "max_tokens": 2, "temperature": 0}


def ask(server: MockServer, **fields: Any) -> tuple[int, Any, CaseInsensitiveDict[str]]:
    return post(f"{server.base_url}/completions", {**BODY, **fields})


def test_all_routes_of_the_default_profile(mock_server: Start) -> None:
    server = mock_server()
    assert ask(server)[1]["choices"][0]["text"] == " Paris."
    messages = [{"role": "user", "content": "Hello"}]
    assert post(f"{server.base_url}/chat/completions", {"model": "mock", "messages": messages})[0] == 200
    assert get(f"{server.base_url}/models")["data"][0]["max_model_len"] == 8192
    tokens = post(f"{server.root_url}/tokenize", {"prompt": "The naïve"})[1]
    assert (tokens["tokens"][0], tokens["count"]) == (0, len(tokens["tokens"]))
    assert post(f"{server.root_url}/detokenize", {"tokens": tokens["tokens"]})[1] == {"prompt": "<s>The naïve"}
    assert get(f"{server.root_url}/health") == ""
    assert get(f"{server.root_url}/mock/stats")["asked"] == 2


@pytest.mark.parametrize(
    ("profile", "path", "body", "expected"),
    [
        ("llamacpp", "/tokenize", {"content": "The", "with_pieces": True}, {"tokens": [{"id": THE, "piece": "The"}]}),
        ("llamacpp", "/tokenize", {"content": "The", "add_special": True}, {"tokens": [0, THE]}),
        ("llamacpp", "/detokenize", {"tokens": [0, THE]}, {"content": "<s>The"}),
        ("llamacpp-python", "/extras/tokenize", {"input": "The"}, {"tokens": [0, THE]}),
        ("llamacpp-python", "/extras/tokenize/count", {"input": "The"}, {"count": 2}),
        ("llamacpp-python", "/extras/detokenize", {"tokens": [0, THE]}, {"text": "The"}),
        ("vllm-nobos", "/tokenize", {"prompt": "The"}, None),
        ("tgi", "/tokenize", {"inputs": "The"}, None),
    ],
)
def test_tokenize_endpoints(mock_server: Start, profile: str, path: str, body: Any, expected: Any) -> None:
    status, found, _ = post(f"{mock_server(profile).root_url}{path}", body)
    assert status == 200
    assert expected is None or found == expected


def test_context_length_of_llamacpp_is_in_its_properties(mock_server: Start) -> None:
    props = get(f"{mock_server('llamacpp', max_model_len=99).root_url}/props")
    assert props["default_generation_settings"]["n_ctx"] == 99


@pytest.mark.parametrize(
    ("profile", "status", "body"),
    [
        ("vllm", 404, {"detail": "Not Found"}),
        ("llamacpp", 404, None),
    ],
)
def test_unknown_routes(mock_server: Start, profile: str, status: int, body: Any) -> None:
    found = post(f"{mock_server(profile).root_url}/v1/nothing", {})
    assert found[0] == status
    assert body is None or found[1] == body


@pytest.mark.parametrize(("profile", "status"), [("vllm", 400), ("llamacpp-python", 500), ("transformers", 422)])
def test_malformed_json(mock_server: Start, profile: str, status: int) -> None:
    assert post(f"{mock_server(profile).base_url}/completions", b"{")[0] == status


def test_a_key_is_required_when_set(mock_server: Start) -> None:
    server = mock_server(api_key="sesame")
    url = f"{server.base_url}/completions"
    assert post(url, BODY)[0] == 401
    assert post(url, BODY, key="wrong")[0] == 401
    assert post(url, BODY, key="sesame")[0] == 200


def test_requests_are_counted_and_kept(mock_server: Start) -> None:
    server = mock_server()
    for prompt in ("a", "b", "a"):
        ask(server, prompt=prompt)
    assert server.stats.asked == 3
    assert sorted(server.stats.bodies.values()) == [1, 2]
    assert [(request.body or {})["prompt"] for request in server.requests] == ["a", "b", "a"]
    assert [request.attempt for request in server.requests] == [0, 0, 1]
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.stats.completion_tokens == 6
    assert server.stats.statuses[200] == 3
    server.stats.reset()
    assert server.stats.asked == 0


def test_images_are_counted(mock_server: Start) -> None:
    server = mock_server()
    picture = {"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}}
    post(
        f"{server.base_url}/chat/completions",
        {"model": "mock", "messages": [{"role": "user", "content": [picture, picture]}], "max_tokens": 1},
    )
    assert server.stats.images == 2


def test_requests_run_at_the_same_time(mock_server: Start) -> None:
    server = mock_server(latency_ms=2000)  # so long that the threads of a busy machine meet in it
    threads = [threading.Thread(target=ask, args=(server,)) for _ in range(4)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start >= 2.0
    assert server.stats.max_in_flight == 4


def test_too_many_at_once_are_refused(mock_server: Start) -> None:
    server = mock_server(latency_ms=200, max_in_flight=1)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(server)[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 429]


def test_connections_are_counted(mock_server: Start) -> None:
    server = mock_server()
    for _ in range(3):
        ask(server)  # each call opens a new connection
    assert server.fetch_stats()["connections"] == 3


def test_a_rate_limit_is_reported_in_headers(mock_server: Start) -> None:
    server = mock_server(requests_per_minute=1)
    first, second = ask(server), ask(server)
    assert (first[0], second[0]) == (200, 429)
    assert second[2]["x-ratelimit-remaining-requests"] == "0"
    assert float(second[2]["retry-after"]) > 1


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [
        ("429", 429, None),
        ("429-retry-after=0.2", 429, ("Retry-After", "0.2")),
        ("429-retry-after-ms=70", 429, ("retry-after-ms", "70")),
        ("500", 500, None),
        ("502", 502, None),
        ("503-retry-after=3", 503, ("Retry-After", "3")),
    ],
)
def test_error_statuses(mock_server: Start, fault: str, status: int, header: tuple[str, str] | None) -> None:
    server = mock_server(faults=[fault])
    found = ask(server)
    assert found[0] == status
    assert header is None or found[2][header[0]] == header[1]
    assert ask(server)[0] == 200
    assert [request.fault for request in server.requests] == [fault.partition("=")[0], None]
    assert dict(server.stats.faults) == {fault.partition("=")[0]: 1}


def test_retry_after_as_a_date(mock_server: Start) -> None:
    assert ask(mock_server(faults=["429-retry-after-date=5"]))[2]["Retry-After"].endswith("GMT")


@pytest.mark.parametrize("fault", ["reset", "close"])
def test_broken_connections(mock_server: Start, fault: str) -> None:
    server = mock_server(faults=[fault])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(server)
    assert ask(server)[0] == 200
    assert server.stats.statuses == {0: 1, 200: 1}


def test_truncated_json(mock_server: Start) -> None:
    status, text, _ = ask(mock_server(faults=["truncated"]))
    assert status == 200
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        json.loads(text)


def test_html_with_status_200(mock_server: Start) -> None:
    status, text, headers = ask(mock_server(faults=["html"]))
    assert (status, text[:9]) == (200, "<!DOCTYPE")
    assert headers["Content-Type"].startswith("text/html")


def test_a_hang_ends_when_the_client_gives_up(mock_server: Start) -> None:
    server = mock_server(faults=["hang"])
    with pytest.raises(requests.Timeout):
        post(f"{server.base_url}/completions", BODY, timeout=0.2)
    deadline = time.monotonic() + 5
    while server.stats.in_flight and time.monotonic() < deadline:
        ask(server)
    assert server.stats.in_flight == 0


def test_a_hang_does_not_prevent_the_server_from_stopping(mock_server: Start) -> None:
    server = mock_server(faults=["hang"])
    failures: list[Exception] = []

    def wait() -> None:
        try:
            ask(server)
        except requests.RequestException as error:
            failures.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    deadline = time.monotonic() + 5
    while not server.stats.in_flight and time.monotonic() < deadline:
        get(f"{server.root_url}/health")
    server.stop()
    thread.join(5)
    assert len(failures) == 1


@pytest.mark.parametrize("fault", ["slow=0.2", "drip=0.2"])
def test_slow_answers_are_complete(mock_server: Start, fault: str) -> None:
    start = time.monotonic()
    assert ask(mock_server(faults=[fault]))[1]["choices"][0]["text"] == " Paris."
    assert time.monotonic() - start >= 0.19


def test_broken_answers_reach_the_client(mock_server: Start) -> None:
    server = mock_server(faults=["null-content", "nan-logprobs"])
    assert ask(server)[1]["choices"][0]["text"] is None
    values = ask(server, logprobs=1)[1]["choices"][0]["logprobs"]["token_logprobs"]
    assert values[-1] != values[-1]


def test_connections_are_refused_for_the_first_seconds(mock_server: Start) -> None:
    server = mock_server(refuse_for=0.3)
    start = time.monotonic()
    with pytest.raises(requests.ConnectionError, match="refused"):
        ask(server)
    while time.monotonic() - start < 5:
        try:
            assert ask(server)[0] == 200
            break
        except requests.ConnectionError:
            continue
    assert time.monotonic() - start >= 0.25


def test_a_stopped_server_refuses_connections(mock_server: Start) -> None:
    server = mock_server()
    server.stop()
    with pytest.raises(requests.ConnectionError, match="refused"):
        ask(server)


def test_a_taken_port_is_a_config_error() -> None:
    with MockServer() as server, pytest.raises(ConfigError, match=str(server.port)):
        MockServer(port=server.port).start()


def test_mistakes_are_found_before_the_start() -> None:
    with pytest.raises(UnknownNameError):
        MockServer("vlm")
    with pytest.raises(ConfigError):
        MockServer(faults=["nothing:0.1"])


def test_a_server_in_a_separate_process() -> None:
    with MockServer("vllm", process=True, max_model_len=55, faults=["500:0"]) as server:
        assert get(f"{server.base_url}/models")["data"][0]["max_model_len"] == 55
        assert ask(server)[1]["choices"][0]["text"] == " Paris."
        assert server.fetch_stats()["asked"] == 1
        with pytest.raises(ConfigError, match="fetch_stats"):
            _ = server.stats


@pytest.mark.parametrize("options", [{"answers": {"a": "b"}}, {"faults": ["500"]}, {"refuse_for": 1.0}])
def test_a_process_takes_only_what_its_command_line_can_say(options: Any) -> None:
    with pytest.raises(ConfigError, match="command line"):
        MockServer(process=True, **options)


def test_long_prompts_and_large_answers(mock_server: Start) -> None:
    server = mock_server(max_model_len=100_000)
    status, answer, _ = ask(server, prompt="The old ferry. " * 5000, echo=True, logprobs=1, max_tokens=0)
    assert status == 200
    assert len(json.dumps(answer)) > 500_000
    assert len(answer["choices"][0]["logprobs"]["tokens"]) == answer["usage"]["prompt_tokens"]


def test_it_runs_inside_a_running_loop() -> None:
    async def inside() -> int:
        with MockServer() as server:
            return (await asyncio.get_running_loop().run_in_executor(None, ask, server))[0]

    assert asyncio.run(inside()) == 200


def test_import_is_light() -> None:
    code = (
        "import sys, lm_eval.mock_server.command, lm_eval.mock_server.pytest_plugin\n"
        "heavy = {'aiohttp', 'numpy', 'datasets', 'jinja2', 'requests'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr


def test_a_port_is_free_after_the_stop() -> None:
    with MockServer() as server:
        port = server.port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
