"""How long the requests of a run took, as its results file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lm_eval.results.json_values import as_count, as_mapping, as_number

__all__ = ["Speed", "Spread", "read_speed"]


@dataclass(frozen=True)
class Spread:
    """How the values of several requests are spread.

    Attributes:
        requests: Number of requests.
        mean: Their mean.
        p5: 5 % of them are at most this; None of a run that was merged from shards, as for the other percentiles.
        p50: Their median.
        p95: 95 % of them are at most this.
    """

    requests: int
    mean: float
    p5: float | None = None
    p50: float | None = None
    p95: float | None = None

    def words(self, unit: str = " s") -> str:
        """Say the median and the 95th percentile, or the mean where these are not known.

        Args:
            unit: What follows each number.
        """
        if self.p50 is None or self.p95 is None:
            return f"mean {_short(self.mean)}{unit}"
        return f"p50 {_short(self.p50)}{unit}, p95 {_short(self.p95)}{unit}"


@dataclass(frozen=True)
class Speed:
    """How long the requests of a run or a task took.

    Attributes:
        latency: Seconds to the end of an answer; None when the results do not say, for example because every answer
            came from a cache.
        first_token: Seconds to the first token; None if no answer was streamed.
        tokens_per_second: Tokens per second after the first; None if no answer was streamed in several pieces.
        latency_of_retried: ``latency`` of the requests that were answered at a later attempt; None if there are none.
    """

    latency: Spread | None = None
    first_token: Spread | None = None
    tokens_per_second: Spread | None = None
    latency_of_retried: Spread | None = None

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return any((self.latency, self.first_token, self.tokens_per_second, self.latency_of_retried))

    def words(self) -> list[str]:
        """Say what is known, in short phrases for one line."""
        words = [
            f"{name} {spread.words()}"
            for name, spread in (
                ("latency", self.latency),
                ("first token", self.first_token),
                ("latency of retried requests", self.latency_of_retried),
            )
            if spread is not None
        ]
        if self.tokens_per_second is not None:
            p50, mean = self.tokens_per_second.p50, self.tokens_per_second.mean
            words.append(f"{_short(mean)} tokens/s" if p50 is None else f"{_short(p50)} tokens/s (p50)")
        return words


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def read_speed(counters: Mapping[str, object]) -> Speed:
    """Read the times among the counters of a run or of a task.

    Args:
        counters: ``config.model_info.run`` of a results file, or a task's entry in its ``tasks``.

    Returns:
        The times, as far as they are there.
    """
    return Speed(*(_spread(counters.get(name)) for name in Speed.__dataclass_fields__))


def _spread(value: object) -> Spread | None:
    entry = as_mapping(value)
    mean = as_number(entry.get("mean"))
    if mean is None:
        return None
    return Spread(as_count(entry.get("requests")), mean, *(as_number(entry.get(name)) for name in ("p5", "p50", "p95")))
