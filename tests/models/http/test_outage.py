"""A server that is down for some time costs nothing; one that stays down stops the run, which can be resumed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.redact import Redactor
from lm_eval.errors import ConnectionBroken, EndpointUnreachable, RunStopped, ServerError
from lm_eval.mock_server import MockServer
from lm_eval.models.http import outage as outage_module
from lm_eval.models.http.outage import Outage, is_down
from lm_eval.models.http.replies import error_for_body
from lm_eval.models.openai_completions import LocalChatCompletion
from tests.models.scripted import ScriptedServer, message


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage_module, "_FIRST_WAIT", 0.05)
    monkeypatch.setattr(outage_module, "_MAX_WAIT", 0.2)


def questions(count: int) -> list[Instance]:
    return [Instance("generate_until", {}, (f"Q {number}?", {}), 0, ("t", number, 1)) for number in range(count)]


def chat(url: str, journal: Path | None = None, **arguments: Any) -> LocalChatCompletion:
    lm = LocalChatCompletion(model="mock", base_url=url, **{"num_concurrent": 8, **arguments})
    lm.harness_pool.session._policy.first_wait = 0.01
    lm.harness_pool.session.begin(RunContext(journal=journal))
    return lm


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_server_that_restarts_costs_no_document(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    first = MockServer(answers=lambda prompt: "An answer.", latency_ms=20)
    first.__enter__()
    instances, port = questions(200), first.port
    lm = chat(first.base_url, max_retries=2)
    thread = in_background(lambda: lm.harness_respond(instances))
    while first.stats.asked < 20:
        time.sleep(0.01)
    first.__exit__(None, None, None)
    time.sleep(2.0)
    with MockServer(port=port, answers=lambda prompt: "An answer.") as second:
        thread.join(30)
        assert second.stats.asked > 0
    assert not thread.is_alive()
    assert all(instance.resps == ["An answer."] and instance.error is None for instance in instances)
    said = [record.getMessage() for record in caplog.records]
    assert any("unreachable since" in line and "trying again in" in line for line in said)
    assert any("Reachable again" in line for line in said)
    assert len(said) < 12


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_gateway_whose_server_restarts_costs_no_document(status: int) -> None:
    down_until = 0.0
    asked_while_down: list[float] = []

    def handler(request: web.Request, body: Any) -> web.Response:
        nonlocal down_until
        if len(server.seen) == 20:
            down_until = time.monotonic() + 2.0
        if time.monotonic() < down_until:
            asked_while_down.append(time.monotonic())
            return web.Response(status=status, text="<html>Bad gateway</html>")
        return message("An answer.")

    with ScriptedServer(handler) as server:
        instances = questions(100)
        chat(server.url, max_retries=3).harness_respond(instances)
    assert all(instance.resps == ["An answer."] for instance in instances)
    assert len(asked_while_down) < 80  # one request at a time, once the outage is clear


def test_a_server_that_stays_down_stops_the_run_which_resumes(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    first = MockServer(answers=lambda prompt: "An answer.", latency_ms=20)
    first.__enter__()
    instances, port = questions(200), first.port
    lm = chat(first.base_url, journal, retry_time=1.0)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            lm.harness_respond(instances)
        except RunStopped as error:
            errors.append(error)

    thread = in_background(work)
    while first.stats.asked < 20:
        time.sleep(0.01)
    first.__exit__(None, None, None)
    thread.join(20)
    assert len(errors) == 1
    assert "unreachable since" in str(errors[0])
    assert "the same command resumes the run" in str(errors[0])
    assert {instance.error.kind for instance in instances if instance.error} == {"not_asked"}
    answered = sum(instance.error is None for instance in instances)
    assert answered >= 10
    with MockServer(port=port, answers=lambda prompt: "An answer.") as second:
        instances = questions(200)
        chat(second.base_url, journal).harness_respond(instances)
        assert second.stats.asked <= 200 - answered
    assert all(instance.resps == ["An answer."] for instance in instances)


def test_other_endpoints_go_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(answers=lambda prompt: "An answer.", latency_ms=5) as stays:
        goes = MockServer(answers=lambda prompt: "An answer.", latency_ms=5)
        goes.__enter__()
        instances = questions(300)
        lm = chat(f"{goes.base_url};{stays.base_url}")
        thread = in_background(lambda: lm.harness_respond(instances))
        while goes.stats.asked < 20:
            time.sleep(0.01)
        goes.__exit__(None, None, None)
        thread.join(30)
        assert not thread.is_alive()
    assert all(instance.resps == ["An answer."] for instance in instances)
    assert not any("All requests wait" in record.getMessage() for record in caplog.records)


def test_all_endpoints_restart() -> None:
    one = MockServer(refuse_for=1.5, answers=lambda prompt: "An answer.")
    with one, MockServer(refuse_for=1.5, answers=lambda prompt: "An answer.") as two:
        instances = questions(40)
        chat(f"{one.base_url};{two.base_url}", max_retries=2).harness_respond(instances)
    assert all(instance.resps == ["An answer."] for instance in instances)


@pytest.mark.parametrize("kind", ["close", "502", "503"])
def test_a_request_that_always_breaks_its_connection_is_lost_alone(kind: str) -> None:
    def fault(request: Any) -> str | None:
        return kind if "Q 7?" in str(request.body) else None

    with MockServer(faults=fault, answers=lambda prompt: "An answer.") as server:
        instances = questions(10)
        began = time.monotonic()
        chat(server.base_url, max_retries=4, num_concurrent=1).harness_respond(instances)
    assert time.monotonic() - began < 10
    assert [instance.doc_id for instance in instances if instance.error is not None] == [7]


def test_no_retries_means_no_waiting() -> None:
    with MockServer(answers=lambda prompt: "An answer.") as server:
        url = server.base_url
    instances = questions(3)
    chat(url, max_retries=0).harness_respond(instances)
    assert {instance.error.kind for instance in instances if instance.error} == {"unreachable"}


def test_waits_grow_to_a_maximum_and_one_request_at_a_time_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage_module, "_FIRST_WAIT", 1.0)
    monkeypatch.setattr(outage_module, "_MAX_WAIT", 15.0)
    now, waits, tries = 0.0, [], 0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(seconds)
        await asyncio.sleep(0)

    async def reachable() -> bool:
        nonlocal tries
        tries += 1
        return now >= 90

    async def main() -> list[bool]:
        outage = Outage(900, reachable, clock=lambda: now, sleep=sleep)
        error = EndpointUnreachable("No connection", endpoint="http://h")
        return await asyncio.gather(*(outage.explains(error) for _ in range(50)))

    assert asyncio.run(main()) == [True] * 50
    assert waits[:5] == [1.0, 2.0, 4.0, 8.0, 15.0]
    assert max(waits) == 15.0
    assert tries == len(waits) + 1 <= 12


@pytest.mark.parametrize(
    ("error", "down", "certain"),
    [
        (EndpointUnreachable("refused"), True, True),
        (ConnectionBroken("reset"), True, False),
        (ServerError("bad gateway", status=502), True, False),
        (ServerError("busy", status=503, retry_after=5.0), False, False),
        (ServerError("oops", status=500), False, False),
        (error_for_body({"code": 502, "message": "upstream failed"}, "http://h", Redactor()), False, False),
        (ValueError("ours"), False, False),
    ],
)
def test_what_may_be_an_outage(error: Exception, down: bool, certain: bool) -> None:
    assert is_down(error) is down
    assert is_down(error, certain=True) is certain
