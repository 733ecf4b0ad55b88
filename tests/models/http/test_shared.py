"""A process of a shared run: what it tells the hub, and what it does on its orders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lm_eval.api.instance import Usage
from lm_eval.api.model import RunContext
from lm_eval.config.shard import Share
from lm_eval.errors import RunStopped
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.concurrency import FixedLimit
from lm_eval.models.http.endpoints import EndpointSet, parse_base_urls
from lm_eval.models.http.session import Session
from lm_eval.models.http.shared import Delivery, Orders, Report, SharedLimits, SharedRun
from lm_eval.models.http.usage import Accounting


class Hub:
    """Answers reports as it is told, and keeps them."""

    def __init__(self, answer: Callable[[Report], Orders] | None = None) -> None:
        self.reports: list[Report] = []
        self._answer = answer or (lambda report: Orders(waits=[(0.0, "")] * len(report.bookings)))

    def exchange(self, report: Report) -> Orders:
        self.reports.append(report)
        return self._answer(report)


@contextmanager
def process(hub: Hub, *, copies_journal: bool = False) -> Iterator[SharedRun]:
    shared = SharedRun(hub.exchange, "w", 3, copies_journal=copies_journal)
    try:
        yield shared
    finally:
        shared.close(("done", ""))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


def test_requests_wait_as_long_as_the_hub_says() -> None:
    hub = Hub(lambda report: Orders(waits=[(float(tokens), "headers") for _, tokens in report.bookings], limited=True))
    with process(hub) as shared:
        limits = SharedLimits(shared)

        async def book() -> list[float]:
            return await asyncio.gather(*(limits.reserve("http://a", tokens) for tokens in range(50)))

        assert asyncio.run(book()) == list(range(50))
    assert limits.active
    assert limits.reason == "headers"


def test_requests_that_wait_together_go_to_the_hub_in_one_message() -> None:
    hub = Hub()
    with process(hub) as shared:

        async def book() -> None:
            await asyncio.gather(*(shared.book("http://a", 1) for _ in range(200)))

        asyncio.run(book())
    assert sum(bool(report.bookings) for report in hub.reports) <= 20


def test_a_process_without_limits_asks_the_hub_for_no_request() -> None:
    with process(Hub()) as shared:
        until(lambda: not shared.limited)
        assert not SharedLimits(shared).active


def test_refusals_headers_and_corrections_reach_the_hub() -> None:
    hub = Hub()
    with process(hub) as shared:
        limits = SharedLimits(shared)
        limits.refused("http://a", 3.0)
        limits.learn("http://a", {"X-RateLimit-Remaining-Requests": "5", "Date": "today"}, 1, 10)
        limits.settle(100, 30)
    assert [refusal for report in hub.reports for refusal in report.refusals] == [("http://a", 3.0)]
    assert [report.headers for report in hub.reports if report.headers] == [
        {"http://a": {"x-ratelimit-remaining-requests": "5"}}
    ]
    assert sum(report.settled for report in hub.reports) == 70


def test_tokens_of_other_processes_count_for_the_budget() -> None:
    accounting = Accounting(price_in=1.0, max_tokens_total=100)
    with process(Hub(lambda report: Orders(prompt=90, completion=5))) as shared:
        shared.attach(accounting, EndpointSet(parse_base_urls("http://a/v1", "/completions")), FixedLimit(1))
        until(lambda: accounting.others.prompt == 90)
    accounting.check()
    accounting.answered(Usage(prompt=5), cached=False)
    with pytest.raises(RunStopped, match="max_tokens_total"):
        accounting.check()


def test_the_last_report_has_the_outcome_and_all_rows_of_the_journal() -> None:
    hub = Hub()
    with process(hub, copies_journal=True) as shared:
        shared.keep_row(b"k", b"b")
    assert [found for report in hub.reports for found in report.deliveries] == [Delivery(3, "", (b"k", b"b"))]
    assert hub.reports[-1].outcome == ("done", "")


def wait() -> None:
    """Wait in short pieces: an interrupt that another thread asks for does not end a long one."""
    for _ in range(400):
        time.sleep(0.05)


def test_an_order_to_stop_interrupts_the_process() -> None:
    with pytest.raises(KeyboardInterrupt), process(Hub(lambda report: Orders(stop=True))):
        wait()


def test_a_process_stops_when_the_hub_is_gone() -> None:
    def gone(report: Report) -> Orders:
        raise EOFError

    with pytest.raises(KeyboardInterrupt), process(Hub(gone)) as shared:
        wait()
    with pytest.raises(RunStopped, match="cannot be reached"):
        asyncio.run(shared.book("http://a", 1))


def test_an_endpoint_without_a_hub_is_shared_in_equal_parts() -> None:
    arguments = ModelArguments(
        model="m",
        base_url="http://127.0.0.1:9/v1",
        requests_per_minute=60,
        tokens_per_minute=6000,
        price_in=1.0,
        price_out=1.0,
        max_cost=8.0,
        max_tokens_total=1000,
    )
    session = Session(arguments, "/chat/completions")
    session.begin(RunContext(share=Share(processes=2, shards=4)))
    assert (session._limits._requests.rate, session._limits._tokens.rate) == (0.5, 50.0)  # type: ignore[union-attr]
    assert (session.accounting.max_cost, session.accounting.max_tokens_total) == (2.0, 250)
