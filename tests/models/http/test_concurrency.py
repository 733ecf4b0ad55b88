from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lm_eval.models.http.concurrency import AutoLimit, FixedLimit, Gate


class Server:
    """Simulates a server with a capacity in answers per second, to drive a limit against it."""

    def __init__(self, capacity: int, seconds: float = 1.0) -> None:
        self.capacity, self.seconds, self.now = capacity, seconds, 0.0

    def drive(self, limit: AutoLimit, answers: int) -> None:
        for _ in range(answers):
            self.now += self.seconds / min(limit.value, self.capacity)
            limit.answered()


def test_auto_grows_to_the_capacity_of_the_server() -> None:
    server = Server(capacity=64)
    limit = AutoLimit(clock=lambda: server.now)
    server.drive(limit, 4000)
    assert 64 <= limit.value <= 128


def test_auto_stays_small_if_more_requests_do_not_help() -> None:
    server = Server(capacity=2)
    limit = AutoLimit(clock=lambda: server.now)
    server.drive(limit, 4000)
    assert limit.value <= 16


@pytest.mark.parametrize("capacity", [1, 10_000])
def test_auto_stays_in_its_bounds(capacity: int) -> None:
    server = Server(capacity)
    limit = AutoLimit(clock=lambda: server.now)
    seen = set()
    for round_ in range(300):
        server.drive(limit, 50)
        if capacity == 1 or round_ % 50 == 0:
            limit.refused("429")
        seen.add(limit.value)
    assert min(seen) >= 1
    assert max(seen) <= 256


def test_simultaneous_refusals_halve_the_limit_once_and_are_logged() -> None:
    server = Server(capacity=1000)
    limit = AutoLimit(start=32, clock=lambda: server.now)
    for _ in range(30):
        limit.refused("429")
    assert limit.value == 16
    described: Any = limit.describe()
    assert described["history"][-1]["why"] == "429"


def test_auto_recovers_after_a_refusal() -> None:
    server = Server(capacity=64)
    limit = AutoLimit(start=32, clock=lambda: server.now)
    limit.refused("503")
    server.drive(limit, 4000)
    assert limit.value >= 48


def test_a_fixed_number_stays() -> None:
    limit = FixedLimit(7)
    limit.refused("429")
    limit.answered()
    assert limit.describe() == {"mode": "fixed", "limit": 7}


def test_the_gate_admits_up_to_the_limit_in_order() -> None:
    async def scenario() -> list[int]:
        gate = Gate(FixedLimit(2))
        order: list[int] = []

        async def visit(number: int) -> None:
            if not gate.try_enter():
                await gate.enter()
            assert gate.inside <= 2
            order.append(number)
            await asyncio.sleep(0)
            gate.leave()

        await asyncio.gather(*(visit(number) for number in range(10)))
        assert gate.inside == 0
        return order

    assert asyncio.run(scenario()) == list(range(10))


def test_a_waiter_that_is_cancelled_takes_no_place() -> None:
    async def scenario() -> int:
        gate = Gate(FixedLimit(1))
        assert gate.try_enter()
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        gate.leave()
        return gate.inside

    assert asyncio.run(scenario()) == 0
