"""The words of the progress line: what a run did so far, in as much of a line as there is."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Snapshot", "line", "summary"]


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        done: Responses that came or were lost.
        total: Responses there will be.
        errors: Responses that were lost.
        seconds: Since the start.
        rate: Responses a second, lately; None before it is known.
        prompt_rate: Prompt tokens a second, lately.
        completion_rate: Completion tokens a second, lately.
        left: Seconds to the end; None before that can be told.
        in_flight: Calls an endpoint has not answered yet.
        concurrency: The most there may be.
        retries: Further attempts after a failed one.
        prompt_tokens: Prompt tokens in all.
        completion_tokens: Completion tokens in all.
        kept: Answers that came from the journal or the cache.
        cost: What the run has cost; None without prices.
        budgets: Name to what is spent and its bound, of the bounds the user set: ``cost``, ``tokens``, ``time``.
    """

    done: int
    total: int
    errors: int = 0
    seconds: float = 0.0
    rate: float | None = None
    prompt_rate: float = 0.0
    completion_rate: float = 0.0
    left: float | None = None
    in_flight: int = 0
    concurrency: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    kept: int = 0
    cost: float | None = None
    budgets: dict[str, tuple[float, float]] = field(default_factory=dict)


def line(now: Snapshot, columns: int | None = None) -> str:
    """Say how far a run is.

    Args:
        now: The run.
        columns: The room there is; what matters least goes first. None means any.

    Returns:
        One line: done of total, time and time left, rates, calls in flight, retries, errors, cost and budgets.
    """
    share = f" {100 * now.done // now.total}%" if now.total else ""
    left = f", {_duration(now.left)} left" if now.left is not None else ""
    # Each with a rank: the higher, the sooner it goes.
    parts = [
        (0, f"Requests {now.done}/{now.total}{share}"),
        (1, f"{_duration(now.seconds)}{left}"),
        (4, f"{_rate(now.rate)}/s" if now.rate is not None else ""),
        (5, _token_rates(now)),
        (6, f"{now.in_flight}/{now.concurrency} in flight" if now.concurrency else ""),
        (3, _plural(now.retries, "retry", "retries") if now.retries else ""),
        (1, _plural(now.errors, "error", "errors") if now.errors else ""),
        *((2, text) for text in _spendings(now)),
    ]
    shown = [(rank, text) for rank, text in parts if text]
    while columns is not None and len(shown) > 1 and len(_joined(shown)) > columns:
        shown.remove(max(shown, key=lambda part: part[0]))
    return _joined(shown)[:columns]


def _joined(parts: list[tuple[int, str]]) -> str:
    return "  ".join(text for _, text in parts)


def _token_rates(now: Snapshot) -> str:
    if not now.prompt_rate and not now.completion_rate:
        return ""
    return f"{_count(now.prompt_rate)} in {_count(now.completion_rate)} out tok/s"


def _spendings(now: Snapshot) -> list[str]:
    shown = {"cost": _money, "tokens": _count, "time": _duration}
    said = [f"{name} {shown[name](spent)} of {shown[name](bound)}" for name, (spent, bound) in now.budgets.items()]
    if now.cost is not None and "cost" not in now.budgets:
        said.insert(0, f"cost {_money(now.cost)}")
    return said


def summary(now: Snapshot) -> str:
    """Say what a run did.

    Args:
        now: The run at its end.

    Returns:
        One line: requests, time, tokens, retries, errors, cost.
    """
    answered = now.done - now.errors
    some = "" if answered == now.total else f" of {now.total}"
    # A rate over less than a second says nothing.
    rate = f" ({_rate(now.done / now.seconds)}/s)" if now.seconds >= 1 else ""
    said = [f"Answered {answered}{some} requests in {_duration(now.seconds)}{rate}"]
    if now.prompt_tokens or now.completion_tokens:
        said.append(f"{_count(now.prompt_tokens)} prompt and {_count(now.completion_tokens)} completion tokens")
    if now.kept:
        said.append(f"{_plural(now.kept, 'answer', 'answers')} already known")
    said += [_plural(now.retries, "retry", "retries")] if now.retries else []
    said += [_plural(now.errors, "error", "errors")]
    said += [f"cost {_money(now.cost)}"] if now.cost is not None else []
    return ", ".join(said)


def _plural(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _money(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _count(value: float) -> str:
    """A number in three digits or so: 940, 1.2k, 34k, 5.6M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{letter}" if value < 10 * size else f"{value / size:.0f}{letter}"
    return f"{value:.0f}"


def _duration(seconds: float) -> str:
    """Minutes and seconds, with hours when there are any: 0:07, 12:34, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
