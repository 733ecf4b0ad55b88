"""Where the processes of a run meet: rate limits, refusals, budgets, progress and pieces of files.

The hub knows nothing of how a report reaches it. ``lm_eval.launch.local`` keeps it in the process that was started, and
``lm_eval.launch.on_ray`` in an actor.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lm_eval.models.http.limits import Limits
from lm_eval.models.http.shared import Counts, Delivery, Orders, Report

__all__ = ["Hub", "Snapshot"]

_MAX_UNTAKEN = 1 << 26
"""Bytes of deliveries that wait to be taken, above which processes are asked to wait."""


@dataclass(slots=True)
class _Worker:
    """What is known of a process."""

    shard: int
    counts: Counts = field(default_factory=Counts)
    outstanding: dict[str, tuple[int, int]] = field(default_factory=dict)
    refusals_seen: int = 0
    number: int = 0
    orders: Orders = field(default_factory=Orders)


@dataclass(slots=True)
class Snapshot:
    """What has come in since the last snapshot.

    Attributes:
        counts: How far all shards are, in all.
        deliveries: Pieces of files, in the order in which they came.
        outcomes: Worker to how its shard ended.
        messages: Level and text of warnings that no process has given before.
        shards: Number of processes that have said how many responses they expect.
        number: The number of the snapshot, from 1.
    """

    counts: Counts
    deliveries: list[Delivery] = field(default_factory=list)
    outcomes: dict[str, object] = field(default_factory=dict)
    messages: list[tuple[int, str]] = field(default_factory=list)
    shards: int = 0
    number: int = 0


class Hub:
    """Keeps the limits of a run for all its processes; thread-safe."""

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the user's limits.

        Args:
            requests_per_minute: Maximum number of requests per minute of all processes; None for no limit.
            tokens_per_minute: Maximum number of tokens per minute of all processes; None for no limit.
            clock: Returns monotonic seconds.
        """
        self._clock = clock
        self._limits = Limits(requests_per_minute, tokens_per_minute, clock)
        self._lock = threading.Lock()
        self._workers: dict[str, _Worker] = {}
        self._paused_until: dict[str, float] = {}
        self._refusals = 0
        self._stopped = False
        self._deliveries: deque[Delivery] = deque()
        self._untaken = 0
        self._outcomes: dict[str, object] = {}
        self._messages: dict[tuple[int, str], bool] = {}
        self._number = 0
        self._unconfirmed: Snapshot | None = None

    def exchange(self, report: Report) -> Orders:
        """Take a report, and say what the process is to do.

        A process whose connection failed cannot know whether the report arrived, and sends it again. A report with the
        number of the last one gets the same orders, and is not counted twice.

        Args:
            report: What has happened there.
        """
        with self._lock:
            worker = self._workers.get(report.worker)
            if worker is None:
                worker = self._workers[report.worker] = _Worker(report.shard, refusals_seen=self._refusals)
            if report.number and report.number == worker.number:
                return worker.orders
            self._take(worker, report)
            now = self._clock()
            orders = Orders(limited=self._limits.active, stop=self._stopped, wait=self._untaken > _MAX_UNTAKEN)
            for endpoint, tokens in report.bookings:
                wait = self._limits.book(endpoint, tokens)
                pause = self._paused_until.get(endpoint, now) - now
                orders.waits.append((max(wait, pause), self._limits.reason))
            orders.pauses = {name: until - now for name, until in self._paused_until.items() if until > now}
            orders.refused, worker.refusals_seen = self._refusals - worker.refusals_seen, self._refusals
            others = [other.counts for other in self._workers.values() if other is not worker]
            orders.prompt = sum(counts.prompt for counts in others)
            orders.completion = sum(counts.completion for counts in others)
            worker.number, worker.orders = report.number, orders
            return orders

    def _take(self, worker: _Worker, report: Report) -> None:
        now = self._clock()
        worker.counts, worker.outstanding = report.counts, report.outstanding
        if report.settled:
            self._limits.give_back(report.settled)
        for endpoint, headers in report.headers.items():
            booked = [other.outstanding.get(endpoint, (0, 0)) for other in self._workers.values()]
            requests, tokens = (sum(column) for column in zip(*booked, strict=True))
            self._limits.learn(endpoint, headers, requests, tokens)
        for endpoint, seconds in report.refusals:
            if seconds:
                self._paused_until[endpoint] = max(self._paused_until.get(endpoint, 0.0), now + seconds)
        self._refusals += len(report.refusals)
        worker.refusals_seen += len(report.refusals)
        self._deliveries.extend(report.deliveries)
        self._untaken += sum(len(part) for delivery in report.deliveries for part in delivery.parts)
        for message in report.messages:
            self._messages.setdefault(message, False)
        if report.outcome is not None:
            worker.counts = worker.counts._replace(in_flight=0, limit=0)
            self._outcomes[report.worker] = report.outcome

    def lost(self, worker: str) -> None:
        """Forget the requests of a process that is no more; the tokens that it has used still count.

        Args:
            worker: Its name.
        """
        with self._lock:
            if (known := self._workers.get(worker)) is not None:
                known.outstanding = {}
                known.counts = known.counts._replace(total=0, done=0, errors=0, cached=0, in_flight=0, limit=0)

    def stop(self) -> list[str]:
        """Let all processes stop when they report the next time.

        Returns:
            The names of the processes that have reported.
        """
        with self._lock:
            self._stopped = True
            return list(self._workers)

    def snapshot(self, received: int | None = None) -> Snapshot:
        """Return how far the run is, and what has come in since the last snapshot.

        Args:
            received: The number of the last snapshot that reached the caller, 0 for none: what a lost one held is
                returned again. None, for a caller in this process, keeps nothing for that.
        """
        with self._lock:
            lost = self._unconfirmed if self._unconfirmed and self._unconfirmed.number != received else None
            columns = zip(*(worker.counts for worker in self._workers.values()), strict=True)
            found = Snapshot(Counts(*map(sum, columns)) if self._workers else Counts(), list(self._deliveries))
            found.shards = sum(bool(worker.counts.total) for worker in self._workers.values())
            self._deliveries.clear()
            self._untaken = 0
            found.outcomes, self._outcomes = self._outcomes, {}
            found.messages = [message for message, said in self._messages.items() if not said]
            self._messages.update(dict.fromkeys(found.messages, True))
            if lost is not None:
                found.deliveries = lost.deliveries + found.deliveries
                found.outcomes = {**lost.outcomes, **found.outcomes}
                found.messages = lost.messages + found.messages
            self._number += 1
            found.number = self._number
            self._unconfirmed = found if received is not None else None
            return found
