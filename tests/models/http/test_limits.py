from __future__ import annotations

import heapq

import pytest

from lm_eval.models.http.limits import Limits, parse_duration


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20ms", 0.02), ("1s", 1.0), ("6m0s", 360.0), ("1h2m3.5s", 3723.5), ("7", 7.0), ("soon", None), ("1x", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


def test_no_minute_has_more_requests_than_the_limit_and_one() -> None:
    clock = Clock()
    limits = Limits(requests_per_minute=30, clock=clock)
    sent = sorted(clock.now + limits.book("a", 0) for _ in range(120))
    busiest = max(sum(start <= other < start + 60 for other in sent) for start in sent)
    assert busiest <= 31


def test_tokens_are_booked_and_corrected() -> None:
    clock = Clock()
    limits = Limits(tokens_per_minute=600, clock=clock)
    assert limits.book("a", 10) == 0.0
    assert limits.book("a", 100) == pytest.approx(10.0)
    limits.settle(100, 40)
    assert limits.book("a", 0) == pytest.approx(4.0)


def test_a_limit_is_learnt_from_headers_before_it_is_reached() -> None:
    clock = Clock()
    limits = Limits(clock=clock)
    assert not limits.active
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "3",
        "x-ratelimit-reset-requests": "57s",
    }
    limits.learn("a", headers, requests=1, tokens=0)
    waits = [limits.book("a", 0) for _ in range(4)]
    assert waits[:2] == [0.0, 0.0]
    assert waits[2] == pytest.approx(1.0)
    assert limits.book("b", 0) == 0.0


class Flowing:
    """Refuses requests when its token bucket is empty; the bucket refills continuously."""

    def __init__(self, clock: Clock, limit: int, span: float) -> None:
        self.clock, self.limit, self.span = clock, limit, span
        self.left, self.at, self.refused = float(limit), 0.0, 0

    def renew(self) -> None:
        self.left = min(self.limit, self.left + (self.clock.now - self.at) * self.limit / self.span)
        self.at = self.clock.now

    def reset(self) -> float:
        return (self.limit - self.left) * self.span / self.limit

    def ask(self) -> dict[str, str]:
        self.renew()
        if self.left < 1:
            self.refused += 1
        else:
            self.left -= 1
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(int(self.left)),
            "x-ratelimit-reset-requests": f"{self.reset() * 1000:.0f}ms",
        }


class Windowed(Flowing):
    """Starts to count again when a window ends."""

    def renew(self) -> None:
        if self.clock.now >= self.at + self.span:
            self.at = self.clock.now // self.span * self.span
            self.left = float(self.limit)

    def reset(self) -> float:
        return self.at + self.span - self.clock.now


@pytest.mark.parametrize("kind", [Flowing, Windowed])
@pytest.mark.parametrize(("limit", "span"), [(20, 1.0), (60, 60.0), (500, 60.0), (5, 60.0)])
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_server_that_reports_its_limit_never_answers_429(
    kind: type[Flowing], limit: int, span: float, at_once: int
) -> None:
    clock = Clock()
    server, limits = kind(clock, limit, span), Limits(clock=clock)
    # Each worker sends, is answered 20 ms later, and reserves the next request.
    events = [(0.001 * place, place, "send") for place in range(at_once)]
    answers: dict[int, dict[str, str]] = {}
    outstanding, sent = at_once, 0
    while events and sent < 4 * limit:
        clock.now, place, what = heapq.heappop(events)
        if what == "send":
            answers[place], sent = server.ask(), sent + 1
            heapq.heappush(events, (clock.now + 0.02, place, "answer"))
            continue
        outstanding -= 1
        limits.learn("a", answers[place], outstanding, 0)
        outstanding += 1
        heapq.heappush(events, (clock.now + limits.book("a", 0) + 0.001, place, "send"))
    assert server.refused == 0
    assert clock.now <= 4.1 * span + 1


@pytest.mark.parametrize("remaining", ["many", "-1", "nan", "inf"])
def test_headers_without_counts_set_no_limit(remaining: str) -> None:
    limits = Limits(clock=Clock())
    headers = {"x-ratelimit-limit-requests": remaining, "x-ratelimit-remaining-requests": remaining}
    limits.learn("a", headers, requests=0, tokens=0)
    assert not limits.active
