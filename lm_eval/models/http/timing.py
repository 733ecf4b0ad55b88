"""How long requests take: seconds to the answer, seconds to its first token, tokens per second."""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Arrivals", "Speed", "Timing", "Timings"]

_PERCENTILES = (5, 50, 95)


@dataclass(slots=True)
class Arrivals:
    """When pieces of a streamed answer arrived, in seconds on a monotonic clock.

    Attributes:
        first: The first piece with text; None as long as there is none.
        last: The last one.
    """

    first: float | None = None
    last: float | None = None

    def note(self, now: float) -> None:
        """Register a piece.

        Args:
            now: The time on the clock.
        """
        if self.first is None:
            self.first = now
        self.last = now


class Timing(NamedTuple):
    """How long one request took; of a retried one, the attempt that was answered.

    Attributes:
        seconds: Time from sending the request to the end of the answer. Waits for limits, and before a retry, do not
            count.
        first_token: Time from sending the request to the first piece of text, a thought or a call; None if the answer
            was not streamed.
        tokens_per_second: Tokens after the first, divided by the time from the first to the last piece; None if the
            answer came in one piece, or without token counts.
        retried: Whether earlier attempts had failed.
    """

    seconds: float
    first_token: float | None = None
    tokens_per_second: float | None = None
    retried: bool = False

    @classmethod
    def of(cls, began: float, ended: float, arrivals: Arrivals | None, tokens: int) -> Timing:
        """Compute the times of an attempt.

        Args:
            began: When it was sent, in seconds on a monotonic clock.
            ended: When its answer was complete.
            arrivals: When pieces of the answer arrived; None if it was not streamed.
            tokens: Number of generated tokens; 0 if it is not known.
        """
        if arrivals is None or arrivals.first is None or arrivals.last is None:
            return cls(ended - began)
        span = arrivals.last - arrivals.first
        return cls(ended - began, arrivals.first - began, (tokens - 1) / span if span > 0 and tokens > 1 else None)


def _numbers() -> array[float]:
    return array("f")


@dataclass(slots=True)
class Speed:
    """The times of several requests; a request takes at most 12 bytes.

    Attributes:
        seconds: Times of the requests that were answered at the first attempt.
        first_token: Times to their first tokens.
        tokens_per_second: Their tokens per second.
        retried: Times of the requests that were answered at a later attempt.
    """

    seconds: array[float] = field(default_factory=_numbers)
    first_token: array[float] = field(default_factory=_numbers)
    tokens_per_second: array[float] = field(default_factory=_numbers)
    retried: array[float] = field(default_factory=_numbers)

    def add(self, timing: Timing) -> None:
        """Add a request. A server in trouble answers slowly, so retried requests are kept apart.

        Args:
            timing: How long the request took.
        """
        if timing.retried:
            self.retried.append(timing.seconds)
            return
        self.seconds.append(timing.seconds)
        if timing.first_token is not None:
            self.first_token.append(timing.first_token)
        if timing.tokens_per_second is not None:
            self.tokens_per_second.append(timing.tokens_per_second)

    def describe(self) -> dict[str, dict[str, float]]:
        """Return the mean and percentiles of each list, for the results file; without lists that are empty."""
        lists = {
            "latency": self.seconds,
            "first_token": self.first_token,
            "tokens_per_second": self.tokens_per_second,
            "latency_of_retried": self.retried,
        }
        return {name: _spread(values) for name, values in lists.items() if values}


def _spread(values: Collection[float]) -> dict[str, float]:
    ordered = sorted(values)
    spread: dict[str, float] = {"requests": len(ordered), "mean": round(statistics.fmean(ordered), 4)}
    for percent in _PERCENTILES:
        spread[f"p{percent}"] = round(_percentile(ordered, percent), 4)
    return spread


def _percentile(ordered: list[float], percent: float) -> float:
    """Interpolate between the two nearest values, as ``numpy.percentile`` does by default."""
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(slots=True)
class Timings:
    """The times of all requests of a run, and of each task.

    Attributes:
        run: All requests about documents.
        tasks: Task name to the requests about its documents. A request about documents of several tasks counts for
            each of them.
        observe: Called with each request; None calls nothing.
    """

    run: Speed = field(default_factory=Speed)
    tasks: dict[str, Speed] = field(default_factory=dict)
    observe: Callable[[Timing], None] | None = None

    def add(self, timing: Timing, tasks: Collection[str]) -> None:
        """Add a request.

        Args:
            timing: How long the request took.
            tasks: The names of the tasks that it is about.
        """
        self.run.add(timing)
        if self.observe is not None:
            self.observe(timing)
        for name in tasks:
            if name not in self.tasks:
                self.tasks[name] = Speed()
            self.tasks[name].add(timing)
