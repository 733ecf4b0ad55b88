"""When a failed call is asked again, and after how long."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from lm_eval.errors import APIError, ConnectionBroken, RateLimited, ServerError

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["FailureRate", "RetryPolicy"]

T = TypeVar("T")

_CHANCE = 1e-6
_FEWEST_SAME = 3


@dataclass(slots=True)
class FailureRate:
    """How often first attempts end in a 5xx; tells a bad request from a bad moment."""

    calls: int = 0
    failures: int = 0

    def deserves_another(self, same: int) -> bool:
        """Tell whether a call that got the same 5xx again and again may still be unlucky.

        A server that fails one call in ten at random fails the same call six times in a row once in a million; a
        server that answers everything else and fails one call three times has something against that call.

        Args:
            same: How many times in a row the call was answered in the same way.

        Returns:
            False when chance is no likely explanation any more.
        """
        if same < _FEWEST_SAME:
            return True
        rate = (self.failures + 1) / (self.calls + 2)
        return same < math.log(_CHANCE) / math.log(min(rate, 0.999))


@dataclass(slots=True)
class RetryPolicy:
    """A budget of attempts and of time, exponential waits with jitter, and the server's own wishes.

    Attributes:
        retries: Further attempts after a failed one. Refusals for the rate (429) are bounded by time alone.
        seconds: No new attempt begins after so many seconds since the first.
        first_wait: The longest wait before the second attempt; it doubles from there.
        most_wait: The longest wait.
        unreachable: Whether a server that takes no connection is asked again.
        rate: What is known of failures of other calls.
    """

    retries: int = 6
    seconds: float = 900.0
    first_wait: float = 1.0
    most_wait: float = 60.0
    unreachable: bool = True
    rate: FailureRate = field(default_factory=FailureRate)
    uniform: Callable[[float, float], float] = random.uniform
    clock: Callable[[], float] = time.monotonic

    async def again(
        self,
        attempt: Callable[[], Awaitable[T]],
        first: APIError,
        *,
        sleep: Callable[[float], Awaitable[None]],
        elsewhere: Callable[[int], bool],
        answers: Callable[[], int],
    ) -> T:
        """Attempt a call again that has failed once, until it succeeds or the budget is spent.

        Args:
            attempt: Makes one attempt.
            first: How the attempt that was already made failed.
            sleep: Waits.
            elsewhere: Tells, from the number of attempts so far, whether another endpoint can take the call at once.
            answers: Counts the answers to other calls. While they come, the server is not down, and waits do not grow.

        Returns:
            What the attempt returned.

        Raises:
            APIError: The last failure; its ``attempts`` says how many there were.
        """
        from tenacity import AsyncRetrying, retry_if_exception

        history: list[APIError] = []
        began = self.clock()
        failure: APIError | None = first
        doublings, answers_before = 0, answers()

        async def once() -> T:
            nonlocal failure
            if failure is not None:
                error, failure = failure, None
                history.append(error)
                raise error
            try:
                return await attempt()
            except APIError as error:
                history.append(error)
                raise

        def spent(state: RetryCallState) -> bool:
            counted = sum(not isinstance(error, RateLimited) for error in history)
            if self.retries <= 0 or counted > self.retries:
                return True
            late = self.clock() - began + self._least_wait(history[-1]) > self.seconds
            return late or not self.rate.deserves_another(_same_at_the_end(history))

        def wait(state: RetryCallState) -> float:
            error = history[-1]
            if error.retry_after is not None:
                # A little apart, or all that were refused come back at the same instant.
                return error.retry_after + self.uniform(0.0, min(1.0, 0.1 + 0.1 * error.retry_after))
            if elsewhere(len(history)):
                return 0.0
            nonlocal doublings, answers_before
            longest = min(self.most_wait, self.first_wait * 2.0 ** min(doublings, 20))
            if answers() == answers_before:
                doublings += 1
            answers_before = answers()
            return self.uniform(longest / 2, longest)

        retrying = AsyncRetrying(
            retry=retry_if_exception(self.allows),
            stop=spent,
            wait=wait,
            sleep=sleep,
            reraise=True,
        )
        try:
            return await retrying(once)
        except APIError as error:
            error.attempts = max(1, len(history))
            raise

    def allows(self, error: BaseException) -> bool:
        """Tell whether a failure is of a kind that may pass.

        Args:
            error: The failure.

        Returns:
            Whether to ask again while the budget lasts.
        """
        if not isinstance(error, APIError) or not error.retryable:
            return False
        return self.unreachable or error.kind != "unreachable" or isinstance(error, ConnectionBroken)

    def _least_wait(self, error: APIError) -> float:
        return error.retry_after or 0.0


def _same_at_the_end(history: list[APIError]) -> int:
    """Count how many failures at the end are the same 5xx; gateway and overload statuses never count."""
    last = history[-1]
    if not isinstance(last, ServerError) or last.status in (409, 502, 503, 504, 529):
        return 0
    count = 0
    for error in reversed(history):
        if (error.status, error.body) != (last.status, last.body):
            break
        count += 1
    return count
