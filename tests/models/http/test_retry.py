from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from lm_eval.errors import APIError, ConnectionBroken, EndpointUnreachable, RateLimited, RequestRejected, ServerError
from lm_eval.models.http.retry import FailureRate, RetryPolicy


class Call:
    """A call that fails in a given way, then answers."""

    def __init__(self, policy: RetryPolicy, failures: list[APIError], answers: Callable[[], int] = lambda: 0) -> None:
        self.policy, self.failures, self.answers = policy, failures, answers
        self.waits: list[float] = []
        self.now = 0.0
        policy.clock = lambda: self.now
        policy.uniform = lambda low, high: high

    async def attempt(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def run(self, has_other_endpoint: Callable[[int], bool] = lambda attempts: False) -> str:
        first = self.failures.pop(0)
        result, self.attempts = asyncio.run(
            self.policy.again(
                self.attempt, first, sleep=self.sleep, has_other_endpoint=has_other_endpoint, successes=self.answers
            )
        )
        return result


def failures(count: int, body: str = "") -> list[APIError]:
    return [ServerError("failed", status=502, body=body or str(number)) for number in range(count)]


def test_waits_double_while_no_call_succeeds() -> None:
    call = Call(RetryPolicy(retries=6), failures(4))
    assert call.run() == "answer"
    assert call.waits == [1.0, 2.0, 4.0, 8.0]


def test_waits_have_jitter_between_half_and_all() -> None:
    call = Call(RetryPolicy(retries=6), failures(3))
    bounds: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    call.policy.uniform = draw
    assert call.run() == "answer"
    assert bounds == [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]


def test_waits_are_at_most_a_minute() -> None:
    call = Call(RetryPolicy(retries=12), failures(10))
    assert call.run() == "answer"
    assert call.waits[-3:] == [60.0, 60.0, 60.0]


def test_the_time_budget_ends_the_retries() -> None:
    call = Call(RetryPolicy(retries=1000, seconds=100), failures(500))
    with pytest.raises(ServerError) as caught:
        call.run()
    assert caught.value.attempts < 20
    assert call.now <= 160


def test_the_default_budget_outlasts_five_seconds_without_a_connection() -> None:
    call = Call(RetryPolicy(), [EndpointUnreachable("refused")] * 7)
    call.policy.uniform = lambda low, high: low
    with pytest.raises(EndpointUnreachable):
        call.run()
    assert call.now > 5


def test_waits_stay_short_while_other_calls_succeed() -> None:
    count = iter(range(100))
    call = Call(RetryPolicy(retries=6), failures(4), answers=lambda: next(count))
    assert call.run() == "answer"
    assert call.waits == [1.0] * 4


def test_retry_after_is_honoured() -> None:
    call = Call(RetryPolicy(), [RateLimited("no", status=429, retry_after=5.0)])
    assert call.run() == "answer"
    assert 5.0 <= call.waits[0] <= 6.0


def test_another_endpoint_takes_over_at_once() -> None:
    call = Call(RetryPolicy(), [EndpointUnreachable("gone")])
    assert call.run(has_other_endpoint=lambda attempts: attempts < 2) == "answer"
    assert call.waits == [0.0]


def test_the_maximum_number_of_attempts_ends_the_retries() -> None:
    call = Call(RetryPolicy(retries=2), failures(10))
    with pytest.raises(ServerError) as caught:
        call.run()
    assert caught.value.attempts == 3


def test_429_retries_are_limited_by_time() -> None:
    call = Call(RetryPolicy(retries=2, seconds=100), [RateLimited("no", retry_after=10.0) for _ in range(50)])
    with pytest.raises(RateLimited) as caught:
        call.run()
    assert 5 < caught.value.attempts <= 10
    assert call.now <= 100


def test_zero_retries_means_one_attempt() -> None:
    call = Call(RetryPolicy(retries=0), [RateLimited("no"), RateLimited("no")])
    with pytest.raises(RateLimited):
        call.run()
    assert call.waits == []


def test_a_rejection_is_not_retried() -> None:
    call = Call(RetryPolicy(), [*failures(1), RequestRejected("bad", status=400)])
    with pytest.raises(RequestRejected) as caught:
        call.run()
    assert caught.value.attempts == 2


def test_the_same_500_ends_early_if_other_calls_succeed() -> None:
    policy = RetryPolicy(retries=20, rate=FailureRate(calls=1000, failures=1))
    call = Call(policy, [ServerError("failed", status=500, body="bad type") for _ in range(20)])
    with pytest.raises(ServerError) as caught:
        call.run()
    assert caught.value.attempts == 3


def test_the_same_500_is_retried_if_all_calls_fail() -> None:
    policy = RetryPolicy(retries=8, rate=FailureRate(calls=10, failures=10))
    call = Call(policy, [ServerError("failed", status=500, body="down") for _ in range(8)])
    assert call.run() == "answer"


@pytest.mark.parametrize(
    ("error", "allowed"),
    [
        (EndpointUnreachable("refused"), False),
        (ConnectionBroken("reset"), True),
        (ServerError("failed"), True),
        (RequestRejected("bad"), False),
        (ValueError("ours"), False),
    ],
)
def test_a_probe_does_not_wait_for_an_unreachable_server(error: Exception, allowed: bool) -> None:
    assert RetryPolicy(unreachable=False).allows(error) is allowed
