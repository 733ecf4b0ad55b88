"""Limits are kept in advance: a server with the same limit never answers 429."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.mock_server import MockServer
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.session import Session
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.models.work import Call
from tests.models.complete_runs import model
from tests.models.scripted import ScriptedServer, completion


def ask(url: str, count: int, **arguments: Any) -> LocalCompletionsAPI:
    lm = model(url, **arguments)
    settings = {"until": ["\n"], "max_gen_toks": 1}
    asked = [Instance("generate_until", {}, (f"Question {n}?", settings), 0, ("t", n, 1)) for n in range(count)]
    lm.harness_respond(asked)
    assert all(instance.error is None for instance in asked)
    return lm


def test_a_request_limit_is_kept_without_a_429() -> None:
    with MockServer(requests_per_minute=2400, rate_window=0.5) as server:
        lm = ask(server.base_url, 16, num_concurrent=16, requests_per_minute=1200)
        assert server.stats.statuses == {200: 16}
    assert lm.harness_describe()["run"]["waited_for_limits_seconds"] > 0.5


def test_the_limits_of_headers_are_kept_after_one_answer() -> None:
    with MockServer(requests_per_minute=2400, rate_window=0.5) as server:
        lm = ask(server.base_url, 50, num_concurrent=4)
        assert server.stats.statuses == {200: 50}
    assert lm.harness_describe()["run"]["retries"] == 0
    assert lm.harness_describe()["run"]["waited_for_limits_seconds"] > 0


def test_token_limits_are_charged_by_real_usage() -> None:
    """Each call reserves 2,000 tokens of 1,000 per second and uses three, so the reservation must be returned."""

    async def work(session: Session) -> None:
        async with session.engine({}) as engine:
            for number in range(4):
                await engine.ask(Call("/completions", {"prompt": str(number), "max_tokens": 1990}, tokens=2000))

    with ScriptedServer(lambda request, body: completion("x")) as server:
        session = Session(ModelArguments(model="m", base_url=server.url, tokens_per_minute=6_000_000), "/completions")
        bucket = session._limits._tokens
        assert bucket is not None
        bucket.level = bucket.capacity = 2000.0
        bucket.rate = 1000.0
        asyncio.run(work(session))
    assert session._limits.waited == pytest.approx(0.0, abs=0.1)


def test_a_retry_after_of_one_call_holds_for_all() -> None:
    came: list[float] = []

    def handler(request: web.Request, body: Any) -> web.Response:
        came.append(time.monotonic())
        if len(came) == 1:
            return web.json_response({"error": {"message": "slow down"}}, status=429, headers={"Retry-After": "0.4"})
        return completion("x")

    with ScriptedServer(handler) as server:
        ask(server.url, 5, num_concurrent=1)
    assert len(came) == 6
    assert came[1] - came[0] >= 0.4
