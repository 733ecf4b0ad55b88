"""Sends calls: journal, limits, concurrency, endpoints, retries and accounting, in one path."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lm_eval.errors import (
    APIError,
    AuthenticationError,
    ConnectionBroken,
    EndpointNotFound,
    EndpointUnreachable,
    RateLimited,
    RequestTimeout,
    RunAborted,
    RunStopped,
    ServerError,
)
from lm_eval.models.http.concurrency import FixedLimit, Gate
from lm_eval.models.http.endpoints import Endpoint, EndpointSet
from lm_eval.models.http.journal import Journal, answer_key
from lm_eval.models.http.limits import Limits
from lm_eval.models.http.replies import check_choices
from lm_eval.models.http.retry import RetryPolicy
from lm_eval.models.http.transport import Transport, decode, encode
from lm_eval.models.http.usage import Accounting, usage_of
from lm_eval.models.work import Call, Reply

__all__ = ["Engine"]

_REFUSALS_BEFORE_STOP = 20
_LOST_BEFORE_OUTAGE = 20
_CHARACTERS_A_TOKEN = 4


class Engine:
    """Answers calls for as long as one event loop runs; what it learns lives in the parts it is given."""

    def __init__(
        self,
        transport: Transport,
        endpoints: EndpointSet,
        limit: FixedLimit,
        *,
        limits: Limits,
        policy: RetryPolicy,
        accounting: Accounting,
        journals: Sequence[Journal] = (),
        main_path: str | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            transport: An open transport.
            endpoints: Where calls go.
            limit: How many calls are in flight.
            limits: Requests and tokens a minute.
            policy: When a call is made again.
            accounting: Counts answers and ends the run when a budget is spent.
            journals: Files of answers, looked at in this order; all get every answer.
            main_path: The path that must work: a refusal of the key, the URL or the model there, before anything was
                answered, ends the run. None while it is still being found out what the server can do.
        """
        self.gate = Gate(limit)
        self.accounting = accounting
        self.sleeping = 0
        self.on_sleep: Callable[[], None] | None = None
        self._transport, self._endpoints, self._limit = transport, endpoints, limit
        self._limits, self._policy, self._journals = limits, policy, list(journals)
        self._flights: dict[bytes, asyncio.Future[Reply] | None] = {}
        self._main_path = main_path
        self._lost: weakref.WeakSet[APIError] = weakref.WeakSet()
        self._ever_answered = False
        self._refused_in_a_row = 0
        # Calls lost in a row because nothing could be reached: past a bound, the rest is not asked again and again.
        self._outage = 0
        self._has_budget = accounting.has_budget
        self.tries_for_a_unit = 1 + min(2, max(0, policy.retries))

    async def ask(self, call: Call) -> Reply:
        """Answer one call, from the journal or from an endpoint.

        Args:
            call: What to ask.

        Returns:
            The answer.

        Raises:
            APIError: The call is lost for good.
            RunStopped: A budget is spent.
        """
        body = encode(call.payload)
        if not self._journals:
            reply, _ = await self._send(call, body)
            return reply
        key = self._key(call, body)
        if key in self._flights:
            return await self._join(key)
        for journal in self._journals:
            known = journal.get(key)
            if known is not None:
                parsed = decode(known)
                usage = usage_of(parsed)
                self.accounting.answered(usage, cached=True)
                return Reply(parsed, self._endpoints.identity, 0, True, usage)
        self._flights[key] = None
        try:
            reply, raw = await self._send(call, body)
        except BaseException as error:
            waiting = self._flights.pop(key)
            if waiting is not None and not waiting.done():
                if isinstance(error, Exception):
                    waiting.set_exception(error)
                else:
                    waiting.cancel()
            raise
        waiting = self._flights.pop(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        for journal in self._journals:
            journal.put(key, raw)
        return reply

    @property
    def journaled(self) -> bool:
        """Whether answers are kept."""
        return bool(self._journals)

    def replay(self, call: Call) -> Reply:
        """Answer a call from the journal only.

        Args:
            call: What was asked before.

        Returns:
            The answer.

        Raises:
            APIError: It is not there.
        """
        key = self._key(call, encode(call.payload))
        for journal in self._journals:
            known = journal.get(key)
            if known is not None:
                parsed = decode(known)
                return Reply(parsed, self._endpoints.identity, 0, True, usage_of(parsed))
        raise APIError("No answer in the journal")

    def gave_up(self, error: APIError) -> bool:
        """Tell whether an error came from a call that was lost, not from what a unit made of an answer.

        Args:
            error: What a unit raised.

        Returns:
            True when asking again was already tried.
        """
        return error in self._lost

    def forget(self, calls: Sequence[Call]) -> None:
        """Remove the answers of calls from the journals, because they could not be used.

        Args:
            calls: The calls.
        """
        keys = [self._key(call, encode(call.payload)) for call in calls]
        for journal in self._journals:
            journal.forget(keys)

    def _key(self, call: Call, body: bytes) -> bytes:
        return answer_key(self._endpoints.identity, call.path, body, call.repeat)

    async def _join(self, key: bytes) -> Reply:
        """Wait for the same call that is already on its way."""
        waiting = self._flights[key]
        if waiting is None:
            waiting = self._flights[key] = asyncio.get_running_loop().create_future()
        reply = await asyncio.shield(waiting)
        self.accounting.answered(reply.usage, cached=True)
        return Reply(reply.body, reply.endpoint, reply.attempts, True, reply.usage)

    async def _send(self, call: Call, body: bytes) -> tuple[Reply, bytes]:
        rate = self._policy.rate
        rate.calls += 1
        attempts = 1
        try:
            parsed, raw, endpoint = await self._attempt(call, body)
        except APIError as error:
            if isinstance(error, ServerError):
                rate.failures += 1
            try:
                if not self._policy.allows(error) or self._outage >= _LOST_BEFORE_OUTAGE:
                    raise
                parsed, raw, endpoint, attempts = await self._again(call, body, error)
            except APIError as last:
                self.accounting.failed += 1
                self._lost.add(last)
                self._outage += isinstance(last, EndpointUnreachable)
                self._end_if_hopeless(call, last)
                raise
        self._ever_answered = True
        self._refused_in_a_row = self._outage = 0
        usage = usage_of(parsed)
        self.accounting.answered(usage, cached=False)
        if self._has_budget:
            self.accounting.check()
        return Reply(parsed, endpoint.shown, attempts, False, usage), raw

    async def _again(self, call: Call, body: bytes, first: APIError) -> tuple[Any, bytes, Endpoint, int]:
        attempts = 1

        async def attempt() -> tuple[Any, bytes, Endpoint]:
            nonlocal attempts
            attempts += 1
            self.accounting.retries += 1
            if self._has_budget:
                self.accounting.check()
            return await self._attempt(call, body)

        result = await self._policy.again(
            attempt,
            first,
            sleep=self._sleep,
            has_other_endpoint=self._endpoints.another_ready,
            successes=lambda: self.accounting.requests,
        )
        return *result, attempts

    async def _sleep(self, seconds: float) -> None:
        """Wait without holding a place among the calls in flight; the dispatcher may send another meanwhile."""
        if seconds <= 0:
            return
        self.sleeping += 1
        if self.on_sleep is not None:
            self.on_sleep()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.sleeping -= 1

    async def _attempt(self, call: Call, body: bytes) -> tuple[Any, bytes, Endpoint]:
        """Send a call once, when limits and concurrency allow it."""
        if not self.gate.try_enter():
            await self.gate.enter()
        endpoint = self._endpoints.pick()
        endpoint.outstanding += 1
        tokens = 0
        try:
            if endpoint.resume_at or self._limits.active:
                tokens = call.tokens or _estimate(call, body)
                endpoint.outstanding_tokens += tokens
                wait = self._limits.book(endpoint.base, tokens) if self._limits.active else 0.0
                wait = max(wait, self._endpoints.wait(endpoint))
                if wait > 0:
                    await asyncio.sleep(wait)
            endpoint.requests += 1
            parsed, raw, headers = await self._transport.send(endpoint.url(call.path), body)
            if call.path.endswith("/completions"):
                check_choices(call.payload, parsed)
        except APIError as error:
            self._note_failure(endpoint, error)
            raise
        finally:
            endpoint.outstanding -= 1
            endpoint.outstanding_tokens -= tokens
            self.gate.leave()
        endpoint.failures_in_a_row = 0
        self._limit.answered()
        if tokens or "x-ratelimit-remaining-requests" in headers or "x-ratelimit-remaining-tokens" in headers:
            self._learn(endpoint, headers, parsed, tokens)
        return parsed, raw, endpoint

    def _learn(self, endpoint: Endpoint, headers: Mapping[str, str], parsed: Any, tokens: int) -> None:
        if tokens and (usage := usage_of(parsed)) is not None:
            self._limits.settle(tokens, usage.prompt + usage.completion)
        self._limits.learn(endpoint.base, headers, endpoint.outstanding, endpoint.outstanding_tokens)

    def _note_failure(self, endpoint: Endpoint, error: APIError) -> None:
        """Tell endpoints and concurrency what went wrong, if it was theirs."""
        if isinstance(error, RateLimited):
            self._limit.refused("429")
            endpoint.failures += 1
            if error.retry_after:
                self._endpoints.pause(endpoint, error.retry_after)
        elif isinstance(error, EndpointUnreachable | RequestTimeout | ServerError):
            self._endpoints.failed(
                endpoint, unreachable=isinstance(error, EndpointUnreachable) and not isinstance(error, ConnectionBroken)
            )
            if isinstance(error, RequestTimeout):
                self._limit.refused("timeout")
            elif error.status == 503:
                self._limit.refused("503")
        else:
            endpoint.failures += 1

    def _end_if_hopeless(self, call: Call, error: APIError) -> None:
        """End the run when no call can succeed: nothing has yet, or the key stopped being accepted."""
        if self._main_path is None or call.path != self._main_path:
            return
        if not isinstance(error, AuthenticationError | EndpointNotFound):
            if isinstance(error, RateLimited) and not error.retryable:
                raise RunStopped(f"Stopped: {error} Answers are kept; the same command goes on from there.") from error
            return
        self._refused_in_a_row += 1
        if not self._ever_answered:
            raise RunAborted(error)
        if self._refused_in_a_row >= _REFUSALS_BEFORE_STOP:
            raise RunStopped(
                f"Stopped: {self._refused_in_a_row} requests in a row were refused, the last with: {error} "
                "Answers are kept; the same command goes on from there."
            ) from error


def _estimate(call: Call, body: bytes) -> int:
    """Estimate the tokens of a call: a quarter of its characters, and all it may generate."""
    most = call.payload.get("max_tokens") or call.payload.get("max_completion_tokens")
    return len(body) // _CHARACTERS_A_TOKEN + (most if isinstance(most, int) else 0)
