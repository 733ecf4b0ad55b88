"""The complete path, from Instances to responses, against the mock server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import AuthenticationError, CapabilityError, EndpointNotFound, EndpointUnreachable, RunStopped
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.complete_runs import ALL, model, run, work


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="module")
def quiet(server: MockServer) -> list[Any]:
    result, _ = run(server.base_url)
    assert all(error is None for _, error in result)
    return result


def test_concurrency_changes_neither_answers_nor_requests(quiet: list[Any]) -> None:
    sent = []
    for concurrency in (1, 7, 64):
        with MockServer() as server:
            result, _ = run(server.base_url, num_concurrent=concurrency)
            sent.append(sorted((record.path, record.body_hash) for record in server.requests))
        assert result == quiet
    assert sent[0] == sent[1] == sent[2]


def test_a_resumed_run_sends_only_missing_requests(tmp_path: Path, quiet: list[Any]) -> None:
    context = RunContext(request_types=ALL, journal=tmp_path / "journal.sqlite")
    with MockServer() as server:
        lm, instances = model(server.base_url, num_concurrent=2, max_tokens_total=400), work()
        lm.harness_prepare(context)
        with pytest.raises(RunStopped, match="max_tokens_total"):
            lm.harness_respond(instances)
        before = lm.harness_describe()["run"]["requests"]
        result, lm = run(server.base_url, context)
    described = lm.harness_describe()["run"]
    assert result == quiet
    assert described["cached_answers"] > 0
    assert described["resumed_with_answers"] == described["cached_answers"]
    # Each of the two runs checks the server with at most ten requests.
    assert before + described["requests"] <= len(work()) + len(work()) // 3 + 20


def test_a_run_resumes_from_a_damaged_journal(tmp_path: Path, quiet: list[Any]) -> None:
    path = tmp_path / "journal.sqlite"
    context = RunContext(request_types=ALL, journal=path)
    with MockServer() as server:
        _, complete = run(server.base_url, context)
        size = path.stat().st_size
        for start in range(0, size, size // 7):
            content = bytearray(path.read_bytes())
            content[start : start + 200] = b"?" * len(content[start : start + 200])
            path.write_bytes(content)
            result, lm = run(server.base_url, context)
            described = lm.harness_describe()["run"]
            assert result == quiet
            assert (
                described["requests"] + described["cached_answers"]
                >= complete.harness_describe()["run"]["cached_answers"]
            )


def test_answers_to_the_probe_are_not_stored(tmp_path: Path, server: MockServer) -> None:
    lm = model(server.base_url)
    lm.harness_prepare(RunContext(request_types=ALL, journal=tmp_path / "j", use_cache=tmp_path / "c"))
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_alternatives_reaches_the_server() -> None:
    with MockServer(profile="llamacpp") as server:
        lm = model(server.base_url, num_logprobs=7)
        lm.harness_prepare(RunContext(request_types=ALL))
        assert {request.body and request.body.get("logprobs") for request in server.requests} >= {7}


def test_fresh_sends_all_requests_again(tmp_path: Path, server: MockServer) -> None:
    context = RunContext(request_types=ALL, journal=tmp_path / "j")
    run(server.base_url, context)
    _, lm = run(server.base_url, RunContext(request_types=ALL, journal=tmp_path / "j", fresh=True))
    assert lm.harness_describe()["run"]["cached_answers"] == 0


def test_a_cache_is_shared_between_runs(tmp_path: Path, server: MockServer, quiet: list[Any]) -> None:
    context = RunContext(request_types=ALL, use_cache=tmp_path / "cache.sqlite")
    run(server.base_url, context)
    result, lm = run(server.base_url, context)
    assert result == quiet
    assert lm.harness_describe()["run"]["cached_answers"] == sum(instance.repeats or 1 for instance in work())


def test_an_unreachable_server_is_reported_at_once() -> None:
    with pytest.raises(EndpointUnreachable, match="check that the server runs"):
        model("http://127.0.0.1:9").harness_prepare(RunContext(request_types=ALL))


def test_a_wrong_url_and_a_wrong_model_are_reported_at_once(server: MockServer) -> None:
    with pytest.raises(EndpointNotFound, match="check base_url and model"):
        model(server.base_url.replace("/v1", "/v7")).harness_prepare(
            RunContext(request_types=frozenset({"generate_until"}))
        )
    lm = LocalCompletionsAPI(model="unknown", base_url=server.base_url)
    with pytest.raises(EndpointNotFound, match="check base_url and model"):
        lm.harness_prepare(RunContext(request_types=ALL))


def test_a_wrong_key_is_reported_at_once_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(api_key="right-key-0123") as server:
        lm = model(server.base_url, auth_token="wrong-key-0123")
        with pytest.raises(AuthenticationError) as caught:
            lm.harness_prepare(RunContext(request_types=ALL))
        with pytest.raises(AuthenticationError):
            lm.harness_respond(work(1))
        right = model(server.base_url, auth_token="right-key-0123")
        right.harness_prepare(RunContext(request_types=ALL))
    shown = f"{caught.value} {json.dumps(right.harness_describe())} {right!r} {caplog.text}"
    assert "-key-0123" not in shown


def test_a_chat_model_generates_and_refuses_the_rest_with_the_reason(server: MockServer) -> None:
    lm = LocalChatCompletion(model="mock", base_url=server.base_url)
    lm.harness_prepare(RunContext(request_types=frozenset({"generate_until", "multiple_choice"}), chat=True))
    assert lm.harness_refuses("generate_until") is None
    reason = lm.harness_refuses("multiple_choice")
    assert reason is not None
    assert "local-completions" in reason
    prompt = lm.apply_chat_template([{"role": "user", "content": "Hello"}])
    instance = Instance("generate_until", {}, (prompt, {"max_gen_toks": 4}), 0, ("t", 0, 1))
    lm.harness_respond([instance])
    assert instance.error is None
    assert isinstance(instance.resps[0], str)
    with pytest.raises(CapabilityError):
        lm.harness_respond([Instance("loglikelihood", {}, (prompt, " x"), 0)])


def test_request_methods_work_without_prepare(server: MockServer, quiet: list[Any]) -> None:
    lm, instances = model(server.base_url), work()
    scored = [instance for instance in instances if instance.request_type == "loglikelihood"]
    expected = [resps[0] for (resps, _), instance in zip(quiet, instances, strict=True) if instance in scored]
    assert lm.loglikelihood(scored) == expected
    generated = [instance for instance in instances if instance.request_type == "generate_until"]
    assert lm.generate_until([generated[0], generated[0]]) == quiet[0][0]


def test_progress_is_quiet_in_a_pipe_unless_forced(server: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    run(server.base_url)
    assert "\r" not in capsys.readouterr().err
    run(server.base_url, RunContext(request_types=ALL, progress=True))
    line = capsys.readouterr().err
    assert line.split("\r")[-1].startswith("48 answers in 00:0")


def test_tokens_are_counted_and_priced(server: MockServer) -> None:
    _, lm = run(server.base_url, price_in=1e6, price_out=0.0)
    described = lm.harness_describe()["run"]
    assert described["prompt_tokens"] > 500
    assert described["cost"] == described["prompt_tokens"]
