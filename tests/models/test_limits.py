from __future__ import annotations

import pytest

from lm_eval.models.limits import Limits, parse_duration


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


def test_no_window_of_a_minute_holds_more_requests_than_the_limit_and_one() -> None:
    clock = Clock()
    limits = Limits(requests_per_minute=30, clock=clock)
    sent = sorted(clock.now + limits.book("a", 0) for _ in range(120))
    most = max(sum(start <= other < start + 60 for other in sent) for start in sent)
    assert most <= 31


def test_tokens_are_booked_and_corrected() -> None:
    clock = Clock()
    limits = Limits(tokens_per_minute=600, clock=clock)
    assert limits.book("a", 10) == 0.0
    assert limits.book("a", 100) == pytest.approx(10.0)
    limits.settle(100, 40)
    assert limits.book("a", 0) == pytest.approx(4.0)


def test_headers_teach_a_limit_before_it_is_met() -> None:
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
    assert waits[2] == pytest.approx(57 / 58)
    assert limits.book("b", 0) == 0.0


def test_headers_without_numbers_teach_nothing() -> None:
    limits = Limits(clock=Clock())
    limits.learn("a", {"x-ratelimit-remaining-requests": "many"}, requests=0, tokens=0)
    assert not limits.active
