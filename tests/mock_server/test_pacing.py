from __future__ import annotations

import asyncio

import pytest

from lm_eval.errors import ConfigError
from lm_eval.mock_server.pacing import Latency, RateLimit, Slots


def test_latency_is_fixed_or_random_and_seeded() -> None:
    assert Latency(20).seconds("a") == 0.02
    spread = Latency("20:5")
    values = [spread.seconds(str(number)) for number in range(500)]
    assert sum(values) / len(values) == pytest.approx(0.02, abs=0.001)
    assert len(set(values)) > 400
    assert spread.seconds("7") == Latency("20:5").seconds("7") != Latency("20:5", seed=1).seconds("7")
    assert min(Latency("1:5").seconds(str(number)) for number in range(100)) == 0


@pytest.mark.parametrize("spec", ["fast", "20:x", -5])
def test_latency_mistakes(spec: str | float) -> None:
    with pytest.raises(ConfigError, match="Latency"):
        Latency(spec)


def test_slots_limit_concurrency() -> None:
    async def run() -> float:
        slots, loop = Slots(2), asyncio.get_running_loop()
        start = loop.time()
        await asyncio.gather(*(slots.hold(0.02) for _ in range(6)))
        return loop.time() - start

    assert asyncio.run(run()) >= 0.059


def test_a_rate_limit_reports_the_remaining_requests() -> None:
    limit = RateLimit(120, window=1.0)
    answers = [limit.take() for _ in range(3)]
    assert [allowed for _, allowed in answers] == [True, True, False]
    assert [headers["x-ratelimit-remaining-requests"] for headers, _ in answers] == ["1", "0", "0"]
    assert 0 < float(answers[2][0]["retry-after"]) <= 1


def test_a_rate_limit_reports_when_the_bucket_is_full() -> None:
    limit = RateLimit(600, window=60.0)
    resets = [float(limit.take()[0]["x-ratelimit-reset-requests"].removesuffix("s")) for _ in range(4)]
    assert resets == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.02)


def test_no_rate_limit() -> None:
    assert RateLimit().take() == ({}, True)
