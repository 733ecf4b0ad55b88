from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.model import RunContext
from lm_eval.errors import APIError, RequestRejected, RunAborted, RunStopped, ServerError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.engine import Engine
from lm_eval.models.http.session import Session
from lm_eval.models.work import Call, Reply
from tests.models.scripted import Handler, ScriptedServer, completion


def call(prompt: str = "p", repeat: int = 0) -> Call:
    return Call("/completions", {"model": "m", "prompt": prompt}, repeat)


def ask(
    url: str, calls: list[Call], *, journal: Path | None = None, checking: bool = False, **arguments: Any
) -> tuple[list[Reply | BaseException], Session]:
    session = Session(ModelArguments(model="m", base_url=url, **arguments), "/completions")
    session._policy.first_wait = 0.01
    session.begin(RunContext(journal=journal))

    async def work() -> list[Reply | BaseException]:
        async with session.engine({}, checking=checking) as engine:
            return await asyncio.gather(*(engine.ask(call) for call in calls), return_exceptions=True)

    return asyncio.run(work()), session


def failing(statuses: list[int], **headers: str) -> Handler:
    def handler(request: web.Request, body: Any) -> web.Response:
        if statuses:
            return web.json_response(
                {"error": {"message": f"no {len(statuses)}"}}, status=statuses.pop(0), headers=headers
            )
        return completion("fine")

    return handler


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_temporary_errors_are_retried(status: int) -> None:
    with ScriptedServer(failing([status, status])) as server:
        (reply,), session = ask(server.url, [call()])
    assert isinstance(reply, Reply)
    assert reply.attempts == 3
    assert session.accounting.retries == 2


@pytest.mark.parametrize("status", [400, 413, 422])
def test_permanent_errors_are_not_retried(status: int) -> None:
    with ScriptedServer(failing([status])) as server:
        (error,), _ = ask(server.url, [call()])
    assert isinstance(error, RequestRejected)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_before_any_answer_ends_the_run(status: int) -> None:
    with ScriptedServer(failing([status])) as server:
        (error,), _ = ask(server.url, [call()])
    assert isinstance(error, RunAborted)


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_of_the_probe_is_a_finding(status: int) -> None:
    with ScriptedServer(failing([status])) as server:
        (error,), _ = ask(server.url, [call()], checking=True)
    assert isinstance(error, APIError)


def test_a_refusal_on_another_path_loses_one_request() -> None:
    with ScriptedServer(failing([404])) as server:
        (error,), _ = ask(server.url, [Call("//tokenize", {"prompt": "x"})])
    assert isinstance(error, APIError)


def test_a_key_that_becomes_invalid_stops_the_run() -> None:
    with ScriptedServer(
        lambda r, body: completion("x") if body["prompt"] == "0" else web.Response(status=401)
    ) as server:
        replies, _ = ask(server.url, [call(str(number)) for number in range(30)], num_concurrent=1)
    assert isinstance(replies[0], Reply)
    assert any(isinstance(reply, RunStopped) for reply in replies)


def test_no_quota_stops_the_run() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        return web.json_response({"error": {"message": "x", "code": "insufficient_quota"}}, status=429)

    with ScriptedServer(handler) as server:
        (error,), _ = ask(server.url, [call()])
    assert isinstance(error, RunStopped)
    assert len(server.seen) == 1


def test_calls_in_flight_stay_within_the_limit() -> None:
    now = peak = 0

    async def handler(request: web.Request, body: Any) -> web.Response:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0.005)
        now -= 1
        return completion("x")

    with ScriptedServer(handler) as server:
        ask(server.url, [call(str(number)) for number in range(40)], num_concurrent=5)
    assert peak == 5


def test_the_same_call_twice_at_once_is_sent_once(tmp_path: Path) -> None:
    with ScriptedServer(lambda request, body: completion("x")) as server:
        replies, session = ask(server.url, [call(), call(), call(repeat=1)], journal=tmp_path / "j")
    assert len(server.seen) == 2
    assert [isinstance(reply, Reply) and reply.cached for reply in replies] == [False, True, False]
    assert session.accounting.cached == 1


def test_the_same_call_twice_fails_twice(tmp_path: Path) -> None:
    with ScriptedServer(failing([400])) as server:
        replies, _ = ask(server.url, [call(), call()], journal=tmp_path / "j")
    assert [type(reply) for reply in replies] == [RequestRejected, RequestRejected]


def test_answers_are_read_from_the_journal_and_errors_are_not_stored(tmp_path: Path) -> None:
    with ScriptedServer(
        lambda r, body: completion("x") if body["prompt"] == "good" else web.Response(status=400)
    ) as server:
        ask(server.url, [call("good"), call("bad")], journal=tmp_path / "j")
        replies, session = ask(server.url, [call("good"), call("bad")], journal=tmp_path / "j")
    assert isinstance(replies[0], Reply)
    assert replies[0].cached
    assert isinstance(replies[1], RequestRejected)
    assert [body["prompt"] for body in server.bodies].count("bad") == 2
    assert session.describe()["resumed_with_answers"] == 1


def test_one_of_three_endpoints_is_dead() -> None:
    with (
        ScriptedServer(lambda request, body: completion("x")) as one,
        ScriptedServer(lambda request, body: completion("x")) as two,
    ):
        replies, session = ask(
            f"{one.url};http://127.0.0.1:9;{two.url}", [call(str(n)) for n in range(60)], num_concurrent=6
        )
    assert all(isinstance(reply, Reply) for reply in replies)
    assert len(one.seen) + len(two.seen) == 60
    assert min(len(one.seen), len(two.seen)) > 1
    described: Any = session.describe()
    assert described["endpoints"][1]["failures"] >= 1


def test_an_unreachable_server_stops_the_run_after_retry_time() -> None:
    began = time.monotonic()
    replies, _ = ask("http://127.0.0.1:9", [call(str(number)) for number in range(30)], retry_time=0.5)
    assert all(isinstance(reply, RunStopped) for reply in replies)
    assert time.monotonic() - began < 5


def test_max_time_cuts_what_is_under_way() -> None:
    async def handler(request: web.Request, body: Any) -> web.Response:
        await asyncio.sleep(20)
        return completion("late")

    async def work(url: str) -> None:
        async with Session(ModelArguments(model="m", base_url=url, max_time=0.5), "/completions").engine({}) as engine:
            await engine.ask(call())

    began = time.monotonic()
    with ScriptedServer(handler) as server, pytest.raises(RunStopped, match=r"max_time=0\.5"):
        asyncio.run(work(server.url))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("headers", [{"Retry-After": "300"}, {"x-ratelimit-reset-requests": "30d"}])
def test_max_time_cuts_a_long_wait_which_is_said(headers: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        response = completion("x")
        if "Retry-After" in headers:
            response = web.Response(status=429)
        response.headers.update(headers | {"x-ratelimit-remaining-requests": "0", "x-ratelimit-limit-requests": "10"})
        return response

    began = time.monotonic()
    with ScriptedServer(handler) as server, pytest.raises(RunStopped, match="max_time"):
        ask(server.url, [call(str(number)) for number in range(40)], max_time=1, num_concurrent=1)
    assert time.monotonic() - began < 6
    assert any("Waiting" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_run_whose_requests_are_all_rejected_alike_ends(status: int) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        message = f"`temperature` and `top_p` cannot both be specified (request {len(server.seen):08x})"
        return web.json_response({"error": {"message": message}}, status=status)

    with ScriptedServer(handler) as server:
        replies, _ = ask(server.url, [call(str(number)) for number in range(60)], num_concurrent=1)
    (aborted, *_) = [reply for reply in replies if isinstance(reply, RunAborted)]
    assert replies.index(aborted) == 19
    assert "20 requests were rejected the same way, and none was answered" in str(aborted)
    assert "--gen_kwargs temperature=none" in str(aborted)


def test_a_run_whose_requests_are_nearly_all_rejected_alike_stops(tmp_path: Path) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if int(body["prompt"]) % 30 == 0:
            return completion("x")
        return web.json_response({"error": {"message": f"no top_k in {body['prompt']}"}}, status=400)

    with ScriptedServer(handler) as server:
        replies, _ = ask(
            server.url, [call(str(number)) for number in range(200)], num_concurrent=1, journal=tmp_path / "j"
        )
    (stopped, *_) = [reply for reply in replies if isinstance(reply, RunStopped)]
    assert replies.index(stopped) == 99
    assert "96 of 100 requests were rejected the same way" in str(stopped)
    assert "the same command resumes the run" in str(stopped)


def test_different_rejections_do_not_end_a_run() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        words = "abcdefghij"[int(body["prompt"]) % 10] * 3
        return web.json_response({"error": {"message": f"no {words}"}}, status=400)

    with ScriptedServer(handler) as server:
        replies, _ = ask(server.url, [call(str(number)) for number in range(120)], num_concurrent=1)
    assert {type(reply) for reply in replies} == {RequestRejected}


def test_a_budget_stops_the_run() -> None:
    with ScriptedServer(lambda request, body: completion("x")) as server:
        replies, _ = ask(server.url, [call(str(n)) for n in range(20)], num_concurrent=1, max_tokens_total=9)
    assert isinstance(replies[2], RunStopped)
    assert "max_tokens_total=9" in str(replies[2])


def test_a_bad_request_answered_with_500_gives_up_early() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if body["prompt"] == "bad":
            return web.json_response({"error": {"message": "bad type"}}, status=500)
        return completion("x")

    with ScriptedServer(handler) as server:
        ask_many = [call(str(number)) for number in range(200)] + [call("bad")]
        replies, _ = ask(server.url, ask_many, num_concurrent=8, max_retries=10)
    assert isinstance(replies[-1], ServerError)
    assert replies[-1].attempts == 3


def test_headers_of_the_server_hold_calls_back() -> None:
    waits: list[float] = []
    headers = {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
    }

    def handler(request: web.Request, body: Any) -> web.Response:
        response = completion("x")
        response.headers.update(headers)
        return response

    async def work(engine: Engine) -> None:
        await engine.ask(call("a"))
        waits.append(engine._limits.book(engine._endpoints.endpoints[0].base, 0))

    async def main(url: str) -> None:
        async with Session(ModelArguments(model="m", base_url=url), "/completions").engine({}) as engine:
            await work(engine)

    with ScriptedServer(handler) as server:
        asyncio.run(main(server.url))
    assert waits[0] == pytest.approx(0.2, abs=0.05)
