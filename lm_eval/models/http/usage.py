"""Tokens and money: what answers cost, and budgets that end a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lm_eval.api.instance import Usage
from lm_eval.errors import RunStopped

__all__ = ["Accounting", "usage_of"]


def usage_of(body: Any) -> Usage | None:
    """Read the token counts of an answer.

    Args:
        body: The parsed JSON.

    Returns:
        The counts, or None when the answer has none.
    """
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    get = usage.get
    counts = Usage(_count(get("prompt_tokens")), _count(get("completion_tokens")))
    prompt, completion = get("prompt_tokens_details"), get("completion_tokens_details")
    if isinstance(prompt, dict):
        counts.cached = _count(prompt.get("cached_tokens"))
    if isinstance(completion, dict):
        counts.reasoning = _count(completion.get("reasoning_tokens"))
    return counts


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value > 0 else 0


@dataclass(slots=True)
class Accounting:
    """Counts what a run costs and says when a budget is spent.

    Attributes:
        price_in: Price of a million prompt tokens.
        price_out: Price of a million completion tokens.
        max_cost: The run ends when it costs this much.
        max_tokens_total: The run ends after so many prompt and completion tokens.
        max_time: The run ends after so many seconds.
        usage: Tokens of this run's answers, without those from the journal.
        cached_usage: Tokens of answers taken from the journal or the cache.
        requests: Answers that came from an endpoint.
        cached: Answers that came from the journal or the cache.
        retries: Further attempts after a failed one.
        failed: Calls that were lost for good.
        without_usage: Answers of an endpoint that did not count tokens.
        tasks: Task to the tokens of its answers, those from the journal or the cache with them.
    """

    price_in: float | None = None
    price_out: float | None = None
    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_time: float | None = None
    clock: Callable[[], float] = time.monotonic
    usage: Usage = field(default_factory=Usage)
    cached_usage: Usage = field(default_factory=Usage)
    requests: int = 0
    cached: int = 0
    retries: int = 0
    failed: int = 0
    without_usage: int = 0
    tasks: dict[str, Usage] = field(default_factory=dict)
    _started: float | None = None

    def start(self) -> None:
        """Start the clock of ``max_time``, once."""
        if self._started is None:
            self._started = self.clock()

    def answered(self, usage: Usage | None, *, cached: bool) -> None:
        """Count one answer.

        Args:
            usage: Its token counts, if it has any.
            cached: Whether it came from the journal or the cache.
        """
        if cached:
            self.cached += 1
            if usage is not None:
                self.cached_usage.add(usage)
            return
        self.requests += 1
        if usage is None:
            self.without_usage += 1
        else:
            self.usage.add(usage)

    @property
    def cost(self) -> float | None:
        """What this run has cost, or None without prices."""
        if self.price_in is None and self.price_out is None:
            return None
        return (self.usage.prompt * (self.price_in or 0.0) + self.usage.completion * (self.price_out or 0.0)) / 1e6

    def check(self) -> None:
        """End the run when a budget is spent.

        Raises:
            RunStopped: ``max_cost``, ``max_tokens_total`` or ``max_time`` is reached.
        """
        spent = None
        if self.max_time is not None and self._started is not None and self.clock() - self._started >= self.max_time:
            spent = f"max_time={self.max_time:g} seconds"
        elif self.max_cost is not None and (self.cost or 0.0) >= self.max_cost:
            spent = f"max_cost={self.max_cost:g}"
        elif self.max_tokens_total is not None and self.usage.prompt + self.usage.completion >= self.max_tokens_total:
            spent = f"max_tokens_total={self.max_tokens_total}"
        if spent is not None:
            raise RunStopped(
                f"Stopped: {spent} is reached after {self.requests} requests. Answers are kept where the run has a "
                "journal or a cache; the same command with a larger budget goes on from there."
            )

    @property
    def has_budget(self) -> bool:
        """Whether ``check`` can ever end the run."""
        return not (self.max_cost is None and self.max_tokens_total is None and self.max_time is None)

    def budgets(self) -> dict[str, tuple[float, float]]:
        """Return what is spent of each bound, and the bound: ``cost``, ``tokens``, ``time`` in seconds."""
        spent = {
            "cost": (self.cost or 0.0, self.max_cost),
            "tokens": (self.usage.prompt + self.usage.completion, self.max_tokens_total),
            "time": (0.0 if self._started is None else self.clock() - self._started, self.max_time),
        }
        return {name: (value, bound) for name, (value, bound) in spent.items() if bound is not None}

    def describe(self) -> dict[str, Any]:
        """Return all counts, for the results."""
        return {
            "requests": self.requests,
            "cached_answers": self.cached,
            "retries": self.retries,
            "failed_calls": self.failed,
            **_counts(self.usage),
            "tokens_of_cached_answers": self.cached_usage.prompt + self.cached_usage.completion,
            "answers_without_usage": self.without_usage,
            "cost": self.cost,
            "tasks": {name: _counts(usage) for name, usage in self.tasks.items()},
        }


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "cached_prompt_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
    }
