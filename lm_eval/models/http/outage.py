"""Outages: while no endpoint can be reached, all calls wait, and one request at a time finds out when that ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from lm_eval.errors import APIError, ConnectionBroken, EndpointUnreachable, RequestTimeout, RunStopped, ServerError

__all__ = ["Outage", "is_down", "is_silent"]

eval_logger = logging.getLogger("lm_eval")

_FIRST_WAIT, _MAX_WAIT = 1.0, 15.0
"""Seconds between two requests that try to reach the server. After an outage, at most the maximum is wasted."""
_SECONDS_BETWEEN_LINES = 60.0
_GATEWAY_STATUSES = (502, 503, 504)


def is_down(error: BaseException, *, certain: bool = False) -> bool:
    """Say whether a failure may mean that the server is down.

    Args:
        error: The failure.
        certain: Ask whether it certainly means that, because there was no connection at all.

    Returns:
        True for no connection; unless ``certain``, also for a broken connection and for a gateway whose server is down.
    """
    if isinstance(error, EndpointUnreachable):
        return not (certain and isinstance(error, ConnectionBroken))
    if certain or not isinstance(error, ServerError) or error.within_answer:
        return False
    return error.status in _GATEWAY_STATUSES and error.retry_after is None


def is_silent(error: BaseException) -> bool:
    """Say whether a small request that failed so did not reach a server that answers.

    Args:
        error: The failure.

    Returns:
        True for no connection, a gateway without its server, and no answer in time.
    """
    return is_down(error) or isinstance(error, RequestTimeout)


class Outage:
    """Holds calls back while no endpoint can be reached.

    Attributes:
        active: Whether calls must wait.
    """

    def __init__(
        self,
        seconds: float,
        reachable: Callable[[], Awaitable[bool]],
        *,
        kept: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Start without an outage.

        Args:
            seconds: The run ends when an outage is longer.
            reachable: Sends a small request and says whether a server answered.
            kept: A sentence about the answers so far, for the message that ends the run.
            clock: Returns monotonic seconds.
            sleep: Waits a number of seconds.
        """
        self.active = False
        self._seconds, self._reachable, self._kept = seconds, reachable, kept
        self._clock, self._sleep = clock, sleep
        self._over = asyncio.Event()
        self._stopped: RunStopped | None = None

    async def wait(self) -> None:
        """Wait until the outage is over.

        Raises:
            RunStopped: It took too long.
        """
        await self._over.wait()
        if self._stopped is not None:
            raise self._stopped

    async def explains(self, error: APIError) -> bool:
        """Find out whether a failure is part of an outage, and wait until the outage is over.

        Args:
            error: The failure.

        Returns:
            True if there was an outage, and it is over; False if the server answers, so that the call itself failed.

        Raises:
            RunStopped: The outage took too long.
        """
        if self.active:
            await self.wait()
            return True
        self.active = True
        self._over.clear()
        try:
            return await self._last(error)
        except RunStopped as stopped:
            self._stopped = stopped
            raise
        finally:
            self.active = False
            self._over.set()

    async def _last(self, error: APIError) -> bool:
        """Try to reach the server until it answers; return whether it did not answer at once."""
        began, wait, said = self._clock(), _FIRST_WAIT, 0.0
        since = time.strftime("%H:%M:%S")
        what = f"{error.endpoint or 'The server'} is unreachable since {since}"
        while not await self._reachable():
            passed = self._clock() - began
            left = self._seconds - passed
            if left <= 0:
                reason = str(error).rstrip(".")
                raise RunStopped(f"Stopped: {what}, for {passed:.0f} s (retry_time): {reason}. {self._kept}")
            wait = min(wait, left)
            if not said or passed - said >= _SECONDS_BETWEEN_LINES:
                said = passed or 1e-9
                eval_logger.warning(
                    "%s: %s. All requests wait; trying again in %.0f s, and for %.0f s more.", what, error, wait, left
                )
            await self._sleep(wait)
            wait = min(wait * 2, _MAX_WAIT)
        passed = self._clock() - began
        if wait > _FIRST_WAIT:
            eval_logger.warning("Reachable again after %.0f s; the run goes on.", passed)
        return wait > _FIRST_WAIT
