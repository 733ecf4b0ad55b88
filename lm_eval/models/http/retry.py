"""Retries: whether a failed request is sent again, and after how long."""

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

_MIN_PROBABILITY = 1e-6
"""Below this probability, repeated failures of one request are not explained by chance."""
_MIN_SAME_FAILURES = 3
_JITTER = random.Random()
"""Not the shared generator: a run seeds that, so its processes would wait equally long, and scoring draws from it."""
_GATEWAY_STATUSES = (409, 502, 503, 504, 529)
"""Conflict, gateway and overload: these say nothing about the request itself."""


@dataclass(slots=True)
class FailureRate:
    """How often first attempts fail with HTTP 5xx: distinguishes a bad request from a server with problems.

    Attributes:
        calls: Number of first attempts.
        failures: Number of those that failed with HTTP 5xx.
    """

    calls: int = 0
    failures: int = 0

    def allows_another(self, same: int) -> bool:
        """Say whether chance may explain that a call got the same HTTP 5xx several times in a row.

        A server that fails one call in ten at random fails the same call six times in a row once in a million. A
        server that answers all other calls and fails one call three times has a problem with that call.

        Args:
            same: Number of identical failures in a row.

        Returns:
            False when chance is not a likely explanation.
        """
        if same < _MIN_SAME_FAILURES:
            return True
        rate = (self.failures + 1) / (self.calls + 2)
        return same < math.log(_MIN_PROBABILITY) / math.log(min(rate, 0.999))


@dataclass(slots=True)
class RetryPolicy:
    """Limits on attempts and time, exponential back-off with jitter, and ``Retry-After``.

    Attributes:
        retries: Maximum number of further attempts. HTTP 429 does not count; only ``seconds`` limits it.
        seconds: No attempt begins later than this after the first failure.
        first_wait: Maximum wait before the second attempt, in seconds; it doubles with each further attempt.
        max_wait: Maximum wait, in seconds.
        unreachable: Whether to retry when the server accepts no connection.
        rate: Failures of other calls.
        uniform: Draws the jitter.
        clock: Returns monotonic seconds.
    """

    retries: int = 6
    seconds: float = 900.0
    first_wait: float = 1.0
    max_wait: float = 60.0
    unreachable: bool = True
    rate: FailureRate = field(default_factory=FailureRate)
    uniform: Callable[[float, float], float] = _JITTER.uniform
    clock: Callable[[], float] = time.monotonic

    async def again(
        self,
        attempt: Callable[[], Awaitable[T]],
        first: APIError,
        *,
        sleep: Callable[[float], Awaitable[None]],
        has_other_endpoint: Callable[[int], bool],
        successes: Callable[[], int],
    ) -> tuple[T, int]:
        """Retry a call whose first attempt has failed, until it succeeds or a limit is reached.

        Args:
            attempt: Sends the call once.
            first: The failure of the first attempt. The caller makes that attempt itself, so that a call that succeeds
                at once does not pay for tenacity.
            sleep: Waits a number of seconds.
            has_other_endpoint: Says, given the number of attempts, whether another endpoint can take the call at once.
            successes: Returns how many calls have succeeded so far. While the number grows, waits do not grow.

        Returns:
            The result of the attempt that succeeded, and the number of attempts.

        Raises:
            APIError: The last failure; its ``attempts`` is the number of attempts.
        """
        from tenacity import AsyncRetrying

        failures = _Failures(self, has_other_endpoint, successes)

        async def send() -> T:
            if not failures.errors:
                raise first
            return await attempt()

        retrying = AsyncRetrying(
            retry=failures.retry, stop=failures.stop, wait=failures.wait, sleep=sleep, reraise=True
        )
        try:
            return await retrying(send), len(failures.errors) + 1
        except APIError as error:
            error.attempts = len(failures.errors)
            raise

    def allows(self, error: BaseException | None) -> bool:
        """Say whether a failure is of a kind that may pass.

        Args:
            error: The failure.

        Returns:
            Whether to retry while the limits allow it.
        """
        if not isinstance(error, APIError) or not error.retryable:
            return False
        return self.unreachable or error.kind != "unreachable" or isinstance(error, ConnectionBroken)


class _Failures:
    """The failures of one call; tenacity asks this object whether to retry, when to stop, and how long to wait."""

    def __init__(
        self, policy: RetryPolicy, has_other_endpoint: Callable[[int], bool], successes: Callable[[], int]
    ) -> None:
        self.errors: list[APIError] = []
        self._policy, self._has_other_endpoint, self._successes = policy, has_other_endpoint, successes
        self._began = policy.clock()
        self._doublings, self._last_successes = 0, successes()

    def retry(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, APIError):
            self.errors.append(error)
        return self._policy.allows(error)

    def stop(self, state: RetryCallState) -> bool:
        policy = self._policy
        counted = sum(not isinstance(error, RateLimited) for error in self.errors)
        if policy.retries <= 0 or counted > policy.retries:
            return True
        late = policy.clock() - self._began + (self.errors[-1].retry_after or 0.0) > policy.seconds
        return late or not policy.rate.allows_another(self._same_at_the_end())

    def wait(self, state: RetryCallState) -> float:
        policy, asked_to_wait = self._policy, self.errors[-1].retry_after
        if asked_to_wait is not None:
            # Add jitter so that refused requests do not all return at the same moment.
            return asked_to_wait + policy.uniform(0.0, min(1.0, 0.1 + 0.1 * asked_to_wait))
        if self._has_other_endpoint(len(self.errors)):
            return 0.0
        longest = min(policy.max_wait, policy.first_wait * 2.0 ** min(self._doublings, 20))
        successes = self._successes()
        if successes == self._last_successes:
            self._doublings += 1
        self._last_successes = successes
        return policy.uniform(longest / 2, longest)

    def _same_at_the_end(self) -> int:
        """Count how many failures at the end are the same HTTP 5xx."""
        last = self.errors[-1]
        if not isinstance(last, ServerError) or last.status in _GATEWAY_STATUSES:
            return 0
        count = 0
        for error in reversed(self.errors):
            if (error.status, error.body) != (last.status, last.body):
                break
            count += 1
        return count
