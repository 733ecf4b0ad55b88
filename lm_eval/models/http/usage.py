"""Tokens and cost of answers, and the budgets that end a run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lm_eval.api.instance import Usage
from lm_eval.errors import RunStopped
from lm_eval.models.http.cut_prompts import CutPrompts
from lm_eval.models.http.timing import Timings

__all__ = ["Accounting", "usage_of"]

_MAX_COUNT = 1e12
"""No reply has this number of tokens: a larger count is a mistake of the server, and is read as 0."""


def usage_of(body: object) -> Usage | None:
    """Read the token counts of a reply.

    Args:
        body: The parsed JSON.

    Returns:
        The counts, or None if the reply has none.
    """
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    get = usage.get
    counts = Usage(
        _count(get("prompt_tokens", get("input_tokens"))), _count(get("completion_tokens", get("output_tokens")))
    )
    prompt = get("prompt_tokens_details", get("input_tokens_details"))
    completion = get("completion_tokens_details", get("output_tokens_details"))
    if isinstance(prompt, dict):
        counts.cached = _count(prompt.get("cached_tokens"))
    if isinstance(completion, dict):
        counts.reasoning = _count(completion.get("reasoning_tokens"))
    return counts


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 < value < _MAX_COUNT else 0


@dataclass(slots=True)
class Accounting:
    """Counts requests, tokens and cost of a run, and ends the run when a budget is spent.

    Attributes:
        price_in: Price per million prompt tokens.
        price_out: Price per million completion tokens.
        max_cost: The run ends when it has cost this much.
        max_tokens_total: The run ends after this number of prompt and completion tokens.
        max_time: The run ends after this number of seconds.
        batch_discount: By what fraction of the prices batches are cheaper. Default 0.
        clock: Returns monotonic seconds.
        usage: Tokens of replies from an endpoint, batches included.
        batch_usage: Tokens of replies that batches have brought.
        cached_usage: Tokens of replies from the journal or the cache.
        requests: Number of replies from an endpoint.
        cached: Number of replies from the journal or the cache.
        retries: Number of further attempts after failed ones.
        failed: Number of calls that failed for good.
        without_usage: Number of replies from an endpoint without token counts.
        errors: Kind of error to the number of attempts that failed with it, also of those that were retried.
        tasks: Task name to the tokens of all its replies, cached ones included.
        prompts: Finds out whether the server cuts long prompts.
        timings: How long the requests about documents took, of the run and of each task.
        earlier: Tokens that the run has paid for before this process began; they count for its budgets.
        earlier_discount: By what fraction these were cheaper. Default 0.
        others: Tokens that other processes of the same run have used; they count for its budgets.
    """

    price_in: float | None = None
    price_out: float | None = None
    max_cost: float | None = None
    max_tokens_total: int | None = None
    max_time: float | None = None
    batch_discount: float = 0.0
    clock: Callable[[], float] = time.monotonic
    usage: Usage = field(default_factory=Usage)
    batch_usage: Usage = field(default_factory=Usage)
    cached_usage: Usage = field(default_factory=Usage)
    requests: int = 0
    cached: int = 0
    retries: int = 0
    failed: int = 0
    without_usage: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    tasks: dict[str, Usage] = field(default_factory=dict)
    prompts: CutPrompts = field(default_factory=CutPrompts)
    timings: Timings = field(default_factory=Timings)
    earlier: Usage = field(default_factory=Usage)
    earlier_discount: float = 0.0
    others: Usage = field(default_factory=Usage)
    _started: float | None = None

    def start(self) -> None:
        """Start the clock of ``max_time``, once."""
        if self._started is None:
            self._started = self.clock()

    def answered(self, usage: Usage | None, *, cached: bool, batch: bool = False) -> None:
        """Count one reply.

        Args:
            usage: Its token counts; None if it has none.
            cached: Whether the reply came from the journal or the cache.
            batch: Whether a batch has brought it. Default False.
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
            if batch:
                self.batch_usage.add(usage)

    @property
    def cost(self) -> float | None:
        """Cost of the run so far; None without prices."""
        if self.price_in is None and self.price_out is None:
            return None
        return self._price(self.usage) - self.batch_discount * self._price(self.batch_usage)

    def _price(self, usage: Usage) -> float:
        return (usage.prompt * (self.price_in or 0.0) + usage.completion * (self.price_out or 0.0)) / 1e6

    @property
    def _spent(self) -> tuple[float, int]:
        """The cost and the tokens of the run so far, in all its processes."""
        used, earlier, others = self.usage, self.earlier, self.others
        tokens = sum(each.prompt + each.completion for each in (used, earlier, others))
        before = (1 - self.earlier_discount) * self._price(earlier)
        return (self.cost or 0.0) + before + self._price(others), tokens

    def check(self) -> None:
        """End the run when a budget is spent.

        Raises:
            RunStopped: ``max_cost``, ``max_tokens_total`` or ``max_time`` is reached.
        """
        if self.seconds_left() == 0:
            raise self.stopped_by_time()
        cost, tokens = self._spent
        if self.max_cost is not None and cost >= self.max_cost:
            raise self._stopped(f"max_cost={self.max_cost:g}")
        if self.max_tokens_total is not None and tokens >= self.max_tokens_total:
            raise self._stopped(f"max_tokens_total={self.max_tokens_total}")

    def check_ahead(self, batches: Usage) -> None:
        """End the run before batches are submitted that may cost more than is left.

        Args:
            batches: An estimate of the most tokens that these batches and those under way may have.

        Raises:
            RunStopped: They do not fit ``max_cost`` or ``max_tokens_total``.
        """
        cost, tokens = self._spent
        more, price = batches.prompt + batches.completion, (1 - self.batch_discount) * self._price(batches)
        spent = ""
        if self.max_cost is not None and cost + price > self.max_cost:
            spent = f"batches may cost {price:.4g}, and {cost:.4g} of max_cost={self.max_cost:g} is spent"
        elif self.max_tokens_total is not None and tokens + more > self.max_tokens_total:
            spent = f"batches may have {more} tokens, and {tokens} of max_tokens_total={self.max_tokens_total} are used"
        if spent:
            raise RunStopped(
                f"Stopped: {spent}. No further batch is submitted; answers are kept, and the same command with a "
                "larger budget resumes the run."
            )

    def seconds_left(self) -> float | None:
        """Return the rest of ``max_time`` in seconds; None without this budget."""
        if self.max_time is None or self._started is None:
            return None
        return max(0.0, self.max_time - (self.clock() - self._started))

    def stopped_by_time(self) -> RunStopped:
        """Return the exception that ends the run when ``max_time`` is over."""
        return self._stopped(f"max_time={self.max_time:g} seconds")

    def _stopped(self, spent: str) -> RunStopped:
        return RunStopped(
            f"Stopped: {spent} is reached after {self.requests} requests{self._before()}. Answers are kept where the "
            "run has a journal or a cache; the same command with a larger budget resumes the run."
        )

    def _before(self) -> str:
        earlier = self.earlier.prompt + self.earlier.completion
        return f", and {earlier} tokens of the answers that were there" if earlier else ""

    @property
    def has_budget(self) -> bool:
        """Whether the run has any budget, so that ``check`` can end it."""
        return not (self.max_cost is None and self.max_tokens_total is None and self.max_time is None)

    def budgets(self) -> dict[str, tuple[float, float]]:
        """Return the spent amount and the limit of each budget: ``cost``, ``tokens``, ``time`` in seconds."""
        spent = {
            "cost": (self._spent[0], self.max_cost),
            "tokens": (self._spent[1], self.max_tokens_total),
            "time": (0.0 if self._started is None else self.clock() - self._started, self.max_time),
        }
        return {name: (value, limit) for name, (value, limit) in spent.items() if limit is not None}

    def describe(self) -> dict[str, object]:
        """Return all counts, for the results file."""
        return {
            "requests": self.requests,
            "cached_answers": self.cached,
            "retries": self.retries,
            "failed_calls": self.failed,
            **_counts(self.usage),
            "tokens_of_cached_answers": self.cached_usage.prompt + self.cached_usage.completion,
            "answers_without_usage": self.without_usage,
            "cost": self.cost,
            **self.timings.run.describe(),
            "tasks": self._describe_tasks(),
            **({"cut_prompts": cut} if (cut := self.prompts.message()) else {}),
        }

    def _describe_tasks(self) -> dict[str, dict[str, object]]:
        speeds = self.timings.tasks
        return {
            name: {
                **(_counts(self.tasks[name]) if name in self.tasks else {}),
                **(speeds[name].describe() if name in speeds else {}),
            }
            for name in dict.fromkeys([*self.tasks, *speeds])
        }


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "cached_prompt_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
    }
