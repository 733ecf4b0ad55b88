"""One run by several processes: one limiter, one set of budgets, one probe, and one line of progress for all.

Each process has a ``SharedRun``, whose thread talks to the hub of the run (``lm_eval.launch.hub``): at once when a
request waits for a rate limit, else four times per second. One message is under way at a time, and takes along whatever
has come up since the last one, so that the number of messages does not grow with the number of requests.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lm_eval.api.instance import Usage
from lm_eval.config.shard import ALONE, Share
from lm_eval.errors import RunStopped
from lm_eval.models.http.limits import Limits

if TYPE_CHECKING:
    from lm_eval.models.http.concurrency import FixedLimit
    from lm_eval.models.http.endpoints import EndpointSet
    from lm_eval.models.http.engine import Engine
    from lm_eval.models.http.progress import Progress
    from lm_eval.models.http.recorded import Recorded
    from lm_eval.models.http.usage import Accounting

__all__ = ["Counts", "Delivery", "Orders", "Report", "SharedLimits", "SharedRun"]

eval_logger = logging.getLogger("lm_eval")

_SECONDS_BETWEEN = 0.25
_LIMIT_HEADERS = "x-ratelimit-"


class Counts(NamedTuple):
    """How far a process is: what its line of progress would show."""

    total: int = 0
    done: int = 0
    errors: int = 0
    requests: int = 0
    cached: int = 0
    retries: int = 0
    prompt: int = 0
    completion: int = 0
    in_flight: int = 0
    limit: int = 0


class Delivery(NamedTuple):
    """A piece of a file of a shard, for a hub on another machine.

    Attributes:
        shard: The number of the shard.
        name: The name of the file; empty for a row of the journal.
        parts: A piece of the file; of the journal, keys and bodies of a row.
    """

    shard: int
    name: str
    parts: tuple[bytes, ...]


@dataclass(slots=True)
class Report:
    """What a process tells the hub.

    Attributes:
        worker: The name of the process; a process that takes up the shard of a lost one has another name.
        shard: The number of its shard.
        bookings: Endpoint and estimated tokens of each request that waits for the limits.
        outstanding: Endpoint to the number of its booked requests without an answer, and their estimated tokens.
        settled: Of requests that were answered, the estimated tokens minus the actual ones, in all.
        headers: Endpoint to the rate limit headers of its last answer.
        refusals: Endpoint of each HTTP 429 since the last report, and the seconds of its ``Retry-After``.
        counts: How far the process is.
        deliveries: Pieces of files, and rows of the journal.
        messages: Level and text of warnings.
        outcome: How the shard ended: None while it runs, else anything that can be pickled.
        number: The number of the report, from 1; a report that is sent again keeps its number.
    """

    worker: str
    shard: int
    bookings: list[tuple[str, int]] = field(default_factory=list)
    outstanding: dict[str, tuple[int, int]] = field(default_factory=dict)
    settled: float = 0.0
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: list[tuple[str, float | None]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[tuple[int, str]] = field(default_factory=list)
    outcome: object = None
    number: int = 0


@dataclass(slots=True)
class Orders:
    """What the hub answers.

    Attributes:
        waits: For each booking, the seconds to wait and why, if headers of the endpoint are the reason.
        limited: Whether any rate limit is known, so that requests have to be booked.
        pauses: Endpoint to the seconds for which it wants no requests.
        refused: Number of HTTP 429 that other processes got since the last report.
        prompt: Prompt tokens that the other processes have used.
        completion: Completion tokens that they have used.
        stop: Whether to stop at once; answers are kept.
        wait: Whether the hub has to catch up before it takes further deliveries.
    """

    waits: list[tuple[float, str]] = field(default_factory=list)
    limited: bool = False
    pauses: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    prompt: int = 0
    completion: int = 0
    stop: bool = False
    wait: bool = False


Exchange = Callable[[Report], Orders]


class SharedRun:
    """The end of a shared run in one of its processes.

    Attributes:
        recorded: The replies to the probe, which one process has sent for all.
        seconds_left: The rest of ``max_time`` when the process began; None without this budget.
        counts_probe: Whether this process counts the replies to the probe for all.
        limited: Whether requests have to be booked.
        copies_journal: Whether new rows of the journal are sent to the hub.
        share: How the processes divide what the hub does not keep: the limits and budgets of judges.
    """

    def __init__(
        self,
        exchange: Exchange,
        worker: str,
        shard: int,
        *,
        recorded: Recorded | None = None,
        seconds_left: float | None = None,
        copies_journal: bool = False,
        share: Share = ALONE,
        earlier: Usage | None = None,
    ) -> None:
        """Start the thread that talks to the hub.

        Args:
            exchange: Takes a report to the hub, and returns its orders.
            worker: The name of this process, which no other process of the run has or had.
            shard: The number of its shard.
            recorded: The replies to the probe.
            seconds_left: The rest of ``max_time``.
            copies_journal: Whether to send new rows of the journal to the hub.
            share: How the processes divide the limits and budgets of judges.
            earlier: The tokens that the run has paid for before its processes began; they count for its budgets.
        """
        self._earlier = earlier or Usage()
        self.recorded, self.seconds_left, self.copies_journal = recorded, seconds_left, copies_journal
        self.share = share
        self.counts_probe = shard == 0
        self.limited = True  # until the hub says otherwise
        self._exchange, self._worker, self._shard = exchange, worker, shard
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._report = Report(worker, shard)
        self._sent = 0
        self._waiting: list[asyncio.Future[tuple[float, str]]] = []
        self._failure: str = ""
        self._accounting: Accounting | None = None
        self._endpoints: EndpointSet | None = None
        self._limit: FixedLimit | None = None
        self._progress: Progress | None = None
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._talk, name="lm-eval-shared-run", daemon=True)
        self._thread.start()

    # What the session and the pool call.

    def attach(self, accounting: Accounting, endpoints: EndpointSet, limit: FixedLimit) -> None:
        """Use the parts of a session: their counters are reported, and what other processes learn changes them.

        Args:
            accounting: Counts requests and tokens, and keeps the budgets.
            endpoints: The endpoints of the run.
            limit: The number of requests in flight.
        """
        self._accounting, self._endpoints, self._limit = accounting, endpoints, limit
        accounting.earlier = self._earlier
        if self.seconds_left is not None:
            accounting.max_time = self.seconds_left
        if accounting.has_budget:
            self._send()  # to know what the others have spent before anything is asked

    def watch(self, progress: Progress, engine: Engine) -> None:
        """Report the progress of an engine; to be called in its event loop.

        Args:
            progress: Counts its responses.
            engine: Answers the requests.
        """
        self._loop = asyncio.get_running_loop()
        self._progress, self._engine = progress, engine

    async def book(self, endpoint: str, tokens: int) -> tuple[float, str]:
        """Wait for the hub's word on a request.

        Args:
            endpoint: The endpoint that it goes to.
            tokens: An estimate of its tokens.

        Returns:
            Seconds to wait before it may be sent, and the reason if it is not the user's limit.

        Raises:
            RunStopped: The hub cannot be reached any more.
        """
        self._check()
        future: asyncio.Future[tuple[float, str]] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._report.bookings.append((endpoint, tokens))
            self._waiting.append(future)
        self._wake.set()
        return await future

    def note(self, change: Callable[[Report], None]) -> None:
        """Add to the next report.

        Args:
            change: Changes the report.
        """
        with self._lock:
            change(self._report)

    def keep_row(self, keys: bytes, bodies: bytes) -> None:
        """Send a row of the journal to the hub, which adds it to a copy.

        Args:
            keys: The keys of the replies.
            bodies: The replies.
        """
        if self.copies_journal:
            self.note(lambda report: report.deliveries.append(Delivery(self._shard, "", (keys, bodies))))

    # What the process calls.

    def deliver(self, delivery: Delivery) -> None:
        """Send a piece of a file to the hub, and wait until it has been taken.

        Args:
            delivery: The piece.

        Raises:
            RunStopped: The hub cannot be reached any more.
        """
        self.note(lambda report: report.deliveries.append(delivery))
        while self._send().wait and not self._closing.wait(_SECONDS_BETWEEN):
            pass

    def close(self, outcome: object = None) -> None:
        """Send the last report, and end the thread.

        Args:
            outcome: How the shard ended.
        """
        self._closing.set()
        self._wake.set()
        self._thread.join()
        if not self._failure:
            self.note(lambda report: setattr(report, "outcome", outcome))
            self._send()

    # The thread.

    def _talk(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(_SECONDS_BETWEEN)
            self._wake.clear()
            try:
                orders = self._send()
            except RunStopped:
                _thread.interrupt_main()
                return
            if orders.stop:
                self._failure = "the run was ended"
                _thread.interrupt_main()
                return

    def _send(self) -> Orders:
        """Exchange one report for orders, and carry these out."""
        with self._sending:
            with self._lock:
                report, self._report = self._report, Report(self._worker, self._shard)
                waiting, self._waiting = self._waiting, []
            self._sent += 1
            report.number, report.counts = self._sent, self._counts()
            if self._endpoints is not None:
                report.outstanding = {
                    endpoint.base: (endpoint.outstanding, endpoint.outstanding_tokens)
                    for endpoint in self._endpoints.endpoints
                }
            try:
                orders = self._exchange(report)
            except Exception as error:
                self._failure = f"the process that started this shard cannot be reached ({type(error).__name__})"
                for future in waiting:
                    _settle(future, RunStopped(self._failure))
                self._check()
                raise
            for future, found in zip(waiting, orders.waits, strict=True):
                _settle(future, found)
            self._carry_out(orders)
            return orders

    def _check(self) -> None:
        if self._failure:
            raise RunStopped(f"Stopped: {self._failure}. Answers are kept.")

    def _counts(self) -> Counts:
        accounting, progress, engine = self._accounting, self._progress, self._engine
        if accounting is None:
            return Counts()
        return Counts(
            *((progress.total, progress.done, progress.errors) if progress is not None else (0, 0, 0)),
            requests=accounting.requests,
            cached=accounting.cached,
            retries=accounting.retries,
            prompt=accounting.usage.prompt,
            completion=accounting.usage.completion,
            in_flight=engine.gate.inside if engine is not None else 0,
            limit=engine.gate.limit.value if engine is not None else 0,
        )

    def _carry_out(self, orders: Orders) -> None:
        self.limited = orders.limited
        if self._accounting is not None:
            self._accounting.others.prompt, self._accounting.others.completion = orders.prompt, orders.completion
        if (orders.pauses or orders.refused) and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._learn, orders)
            except RuntimeError:  # the loop is closed: nothing is asked any more
                self._loop = None

    def _learn(self, orders: Orders) -> None:
        """Do what this process would have done, had it got the refusals of the others."""
        if self._endpoints is None or self._limit is None:
            return
        for endpoint in self._endpoints.endpoints:
            if (seconds := orders.pauses.get(endpoint.base, 0.0)) > self._endpoints.wait(endpoint):
                self._endpoints.pause(endpoint, seconds)
        if orders.refused:
            self._limit.refused("429")


def _settle(future: asyncio.Future[tuple[float, str]], found: tuple[float, str] | Exception) -> None:
    def settle() -> None:
        if future.done():
            return
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        future.get_loop().call_soon_threadsafe(settle)


class SharedLimits(Limits):
    """The rate limits of a shared run: requests are booked at the hub, and what answers say of limits goes there."""

    def __init__(self, shared: SharedRun) -> None:
        """Keep no limits here.

        Args:
            shared: Knows the hub.
        """
        super().__init__()
        self._shared = shared

    @property
    def active(self) -> bool:
        """Whether any limit is known to the hub."""
        return self._shared.limited

    async def reserve(self, endpoint: str, tokens: int) -> float:
        """Take the quota of one request; see ``Limits.reserve``."""
        wait, reason = await self._shared.book(endpoint, tokens)
        self.waited += wait
        self.reason = reason
        return wait

    def settle(self, tokens: int, actual: int) -> None:
        """Replace estimated tokens; see ``Limits.settle``."""

        def change(report: Report) -> None:
            report.settled += tokens - actual

        self._shared.note(change)

    def learn(self, endpoint: str, headers: Mapping[str, str], requests: int, tokens: int) -> None:
        """Pass rate limit headers on; see ``Limits.learn``."""
        found = {name.lower(): text for name, text in headers.items() if name.lower().startswith(_LIMIT_HEADERS)}
        if found:
            self._shared.note(lambda report: report.headers.update({endpoint: found}))

    def refused(self, endpoint: str, seconds: float | None) -> None:
        """Tell the others of an HTTP 429; see ``Limits.refused``."""
        self._shared.note(lambda report: report.refusals.append((endpoint, seconds)))
