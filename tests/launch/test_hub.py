"""One limiter, one set of budgets and one count for all processes of a run."""

from __future__ import annotations

import logging

import pytest

from lm_eval.launch.hub import Hub
from lm_eval.models.http.shared import Counts, Delivery, Report

URL = "http://a/v1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sent(hub: Hub, clock: Clock, workers: int, seconds: float, tokens: int = 1) -> list[float]:
    """Let workers with four requests in flight each ask as fast as they may; return when requests were sent."""
    free = [(clock.now, f"w{number % workers}") for number in range(4 * workers)]
    end, times = clock.now + seconds, list[float]()
    while True:
        free.sort()
        clock.now, worker = free.pop(0)
        if clock.now >= end:
            return times
        wait, _ = hub.exchange(Report(worker, 0, bookings=[(URL, tokens)])).waits[0]
        times.append(clock.now + wait)
        free.append((clock.now + wait + 0.05, worker))


def max_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= time < start + 60 for time in times) for start in times)


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_all_processes_together_keep_the_requests_per_minute(workers: int) -> None:
    clock = Clock()
    times = sent(Hub(600, clock=clock), clock, workers, 120)
    assert 570 <= max_in_a_minute(times) <= 601


def test_all_processes_together_keep_the_tokens_per_minute() -> None:
    clock = Clock()
    times = sent(Hub(tokens_per_minute=6000, clock=clock), clock, 5, 120, tokens=20)
    assert 280 <= max_in_a_minute(times) <= 306


def test_what_requests_did_not_use_is_available_to_others() -> None:
    clock = Clock()
    hub = Hub(tokens_per_minute=60, clock=clock)
    first = hub.exchange(Report("a", 0, bookings=[(URL, 31)])).waits[0][0]
    hub.exchange(Report("a", 0, settled=30.0))
    assert first == 30
    assert hub.exchange(Report("b", 1, bookings=[(URL, 1)])).waits[0][0] == pytest.approx(1)


def test_headers_that_one_process_reads_limit_the_others() -> None:
    hub = Hub(clock=Clock())
    assert not hub.exchange(Report("a", 0)).limited
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "60s",
    }
    hub.exchange(Report("a", 0, headers={URL: headers}))
    orders = hub.exchange(Report("b", 1, bookings=[(URL, 1)]))
    assert orders.limited
    assert orders.waits[0][0] == pytest.approx(1)
    assert "x-ratelimit" in orders.waits[0][1]


def test_a_refusal_pauses_the_endpoint_for_all_and_is_told_once() -> None:
    clock = Clock()
    hub = Hub(clock=clock)
    hub.exchange(Report("b", 1))
    mine = hub.exchange(Report("a", 0, refusals=[(URL, 7.0), (URL, None)]))
    clock.now += 2
    first, second = hub.exchange(Report("b", 1, bookings=[(URL, 1)])), hub.exchange(Report("b", 1))
    assert (mine.refused, first.refused, second.refused) == (0, 2, 0)
    assert first.pauses == {URL: 5.0}
    assert first.waits[0][0] == 5


def test_tokens_of_the_others_are_told_also_those_of_a_lost_process() -> None:
    hub = Hub()
    hub.exchange(Report("a", 0, counts=Counts(prompt=100, completion=10, done=3, total=9)))
    hub.exchange(Report("b", 1, counts=Counts(prompt=40)))
    hub.lost("a")
    orders = hub.exchange(Report("a2", 0, counts=Counts(prompt=1, done=1, total=9)))
    assert (orders.prompt, orders.completion) == (140, 10)
    counts = hub.snapshot().counts
    assert (counts.prompt, counts.done, counts.total) == (141, 1, 9)


def test_everything_is_taken_once_and_a_warning_is_given_once() -> None:
    hub = Hub()
    warned = [(logging.WARNING, "Shots are drawn from the test split.")]
    hub.exchange(Report("a", 0, deliveries=[Delivery(0, "", (b"k", b"b"))], messages=warned, outcome=("done", "")))
    hub.exchange(Report("b", 1, messages=warned))
    first, second = hub.snapshot(), hub.snapshot()
    assert (first.deliveries, first.outcomes, first.messages) == (
        [Delivery(0, "", (b"k", b"b"))],
        {"a": ("done", "")},
        warned,
    )
    assert (second.deliveries, second.outcomes, second.messages) == ([], {}, [])


def test_what_a_lost_answer_held_is_returned_again() -> None:
    hub = Hub()
    rows = [Delivery(0, "", (b"k%d" % number, b"b")) for number in range(2)]
    hub.exchange(Report("a", 0, deliveries=rows[:1], messages=[(30, "m")], outcome=("done", "")))
    hub.snapshot(0)  # does not reach its caller
    hub.exchange(Report("b", 1, deliveries=rows[1:]))
    again = hub.snapshot(0)
    assert (again.deliveries, again.outcomes, again.messages) == (rows, {"a": ("done", "")}, [(30, "m")])
    assert hub.snapshot(again.number).deliveries == []


def test_a_report_that_is_sent_again_counts_once() -> None:
    hub = Hub(requests_per_minute=60, clock=Clock())
    row = Delivery(0, "", (b"k", b"b"))
    report = Report("a", 0, bookings=[(URL, 1)] * 2, deliveries=[row], number=1)
    assert hub.exchange(report) == hub.exchange(report)
    assert hub.snapshot().deliveries == [row]
    (wait, _), *_ = hub.exchange(Report("a", 0, bookings=[(URL, 1)], number=2)).waits
    assert wait == pytest.approx(2)


def test_processes_wait_while_much_is_not_taken() -> None:
    hub = Hub()
    much = Delivery(0, "values.jsonl", (bytes(1 << 26), b"x"))
    assert hub.exchange(Report("a", 0, deliveries=[much])).wait
    hub.snapshot()
    assert not hub.exchange(Report("a", 0)).wait


def test_all_processes_are_told_to_stop() -> None:
    hub = Hub()
    hub.stop()
    assert hub.exchange(Report("a", 0)).stop
