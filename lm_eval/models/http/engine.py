"""Sends calls, in one path: journal, retries, concurrency, endpoint, rate limits, transport, accounting.

``ask`` looks into the journal, ``_send`` retries, ``_attempt`` waits for the end of an outage, and ``_send_once`` sends
once, when concurrency and limits allow it.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from lm_eval.api.instance import Usage
from lm_eval.config.redact import Redactor
from lm_eval.errors import (
    APIError,
    ConnectionBroken,
    EndpointNotFound,
    EndpointUnreachable,
    LMEvalError,
    RateLimited,
    RequestTimeout,
    ServerError,
)
from lm_eval.models.http.choices import check_choices
from lm_eval.models.http.concurrency import FixedLimit, Gate
from lm_eval.models.http.descriptions import Descriptions
from lm_eval.models.http.endpoints import Endpoint, EndpointSet
from lm_eval.models.http.hopeless import Hopeless
from lm_eval.models.http.journal import Journal, answer_identity, answer_key
from lm_eval.models.http.limits import Limits
from lm_eval.models.http.outage import Outage, is_down, is_silent
from lm_eval.models.http.replies import failure_inside, unreadable
from lm_eval.models.http.retry import RetryPolicy
from lm_eval.models.http.streaming import Streaming
from lm_eval.models.http.timing import Arrivals, Timing
from lm_eval.models.http.transport import Transport, decode, encode
from lm_eval.models.http.usage import Accounting, usage_of
from lm_eval.models.work import Call, Postponed, Reply

if TYPE_CHECKING:
    from lm_eval.models.batches.opening import Batches

__all__ = ["Engine"]

eval_logger = logging.getLogger("lm_eval")

_MIN_SECONDS_SAID = 10.0
"""A wait that is longer is logged."""
_CHARACTERS_PER_TOKEN = 4
_KEPT = "Answers are kept; the same command resumes the run."
_NOT_KEPT = "Answers are not kept: there is neither --output_path nor --use_cache."
_NO_SECRETS = Redactor()
_Result = tuple[Reply, bytes]
"""A reply, and its bytes for the journal."""


class Engine:
    """Answers calls while one event loop runs; what it learns is stored in its parts, which live longer.

    Attributes:
        gate: Limits the number of calls in flight.
        accounting: Counts replies, tokens and cost.
        sleeping: Number of calls that wait before a retry.
        on_sleep: Called when a call begins to wait before a retry.
        batches: Takes the calls that are asked in batches; None sends all calls.
        hold: The number of a file whose replies decide how others are read; until they are there, none is.
        status: Says in a few words what the calls wait for, for the progress; empty if there is nothing to say.
        max_unit_attempts: How often a unit is run again whose replies could not be used.
    """

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
        model_identity: str = "",
        main_path: str | None = None,
        feeler: Call | None = None,
        descriptions: Descriptions | None = None,
        streaming: Streaming | None = None,
        batches: Batches | None = None,
    ) -> None:
        """Combine the parts.

        Args:
            transport: An open transport.
            endpoints: The endpoints that calls go to.
            limit: The maximum number of calls in flight.
            limits: Rate limits: requests and tokens per minute.
            policy: When and how often a call is retried.
            accounting: Counts replies, and ends the run when a budget is spent.
            journals: Files of replies. They are read in this order; every new reply is written to all of them.
            model_identity: What the model is beyond its name; part of the key of each reply in the files.
            main_path: The API path of the run. A refusal of the key, the URL or the model on this path ends the run
                if nothing was answered before. None for the probe.
            feeler: A small call, which finds out during an outage whether the server answers again.
            descriptions: What the server has said of itself: such calls are answered from it. None asks every time.
            streaming: Which calls ask for a streamed answer; None streams none.
            batches: Takes the calls that are asked in batches; None sends all calls.
        """
        self.gate = Gate(limit)
        self.accounting = accounting
        self.sleeping = 0
        self.on_sleep: Callable[[], None] | None = None
        self._transport, self._endpoints, self._limit = transport, endpoints, limit
        self._limits, self._policy, self._journals = limits, policy, list(journals)
        self._in_flight: dict[bytes, asyncio.Future[Reply] | None] = {}
        self._identity = answer_identity(endpoints.identity, model_identity)
        self._main_path = main_path
        self._failed: weakref.WeakSet[APIError] = weakref.WeakSet()
        kept = _KEPT if self._journals else _NOT_KEPT
        self._hopeless = Hopeless(kept)
        self._descriptions = descriptions
        self._streaming = streaming or Streaming(False)
        self.batches = batches
        self.hold: int | None = None
        self._received = batches.received if batches is not None else set()
        self.status: Callable[[], str] = str
        self._feeler = feeler or Call("/models", {})
        self._outage = Outage(policy.seconds, self._reachable, kept=kept)
        self._said_until = 0.0
        self._last_failure = ""
        self._has_budget = accounting.has_budget
        self.max_unit_attempts = 1 + min(2, max(0, policy.retries))

    async def ask(self, call: Call) -> Reply:
        """Answer a call, from the journal or from an endpoint.

        Args:
            call: The call.

        Returns:
            The reply.

        Raises:
            APIError: The call failed for good.
            RunStopped: A budget is spent.
            Postponed: The call waits for a batch.
        """
        body = encode(call.payload)
        if not self._journals:
            if self._descriptions is not None and not body:
                return await self._describe(call, self._descriptions)
            reply, _ = await self._send(call, body)
            self._check_budget()
            return reply
        key = self._key(call, body)
        if key in self._in_flight:
            return await self._join(key)
        cached = self._cached(key)
        if cached is not None:
            if self.hold is not None:
                raise Postponed(self.hold)
            if key in self._received:
                self._received.discard(key)
                check_choices(call.payload, cached.body)
                cached = replace(cached, cached=False, attempts=1)
            else:
                self.accounting.answered(cached.usage, cached=True)
            self.accounting.prompts.add(call.payload, cached.usage)
            return cached
        if self.batches is not None and self.batches.calls.takes(call.path):
            await self._postpone(self.batches, key, call, body)
        self._in_flight[key] = None
        try:
            reply, raw = await self._send(call, body)
        except BaseException as error:
            waiting = self._in_flight.pop(key)
            if waiting is not None and not waiting.done():
                if isinstance(error, Exception):
                    waiting.set_exception(error)
                else:
                    waiting.cancel()
            raise
        waiting = self._in_flight.pop(key)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
        for journal in self._journals:
            journal.put(key, raw)
        self._check_budget()  # only now, because the answer is paid for
        return reply

    def _check_budget(self) -> None:
        if self._has_budget:
            self.accounting.check()

    async def _postpone(self, batches: Batches, key: bytes, call: Call, body: bytes) -> None:
        try:
            await batches.calls.postpone(key, call, body)
        except APIError as error:
            self._failed.add(error)
            raise

    def receive(self, key: bytes, raw: bytes, body: object, *, new: bool) -> bool:
        """Take over a reply that a batch has brought.

        Args:
            key: The key of its call.
            raw: The reply, for the journal.
            body: The same, parsed.
            new: Whether the reply is new. Otherwise the journal may have it, from an earlier process.

        Returns:
            Whether it was new.
        """
        if not new and key not in self._received and any(journal.has(key) for journal in self._journals):
            return False
        for journal in self._journals:
            journal.put(key, raw)
        self._received.add(key)
        self.accounting.answered(usage_of(body), cached=False, batch=True)
        self._hopeless.answered(asked=True)
        return True

    def failed_in_batch(self, error: APIError, path: str) -> None:
        """Count a call that has failed for good in batches.

        Args:
            error: The failure.
            path: The API path of the call.

        Raises:
            RunAborted: No call can succeed.
            RunStopped: There is no quota, or everything is refused.
        """
        self.accounting.failed += 1
        if self._main_path is not None and path == (self._main_path or path):
            self._hopeless.failed(error)

    def commit(self) -> None:
        """Put all replies so far on disk."""
        for journal in self._journals:
            journal.commit()

    async def _describe(self, call: Call, descriptions: Descriptions) -> Reply:
        """Return what the server says of itself; it is asked once."""
        known = descriptions.known(call.path)
        if known is not None:
            return known
        try:
            reply, _ = await self._send(call, b"")
        except EndpointNotFound as error:
            descriptions.missing[call.path] = error
            raise
        descriptions.replies[call.path] = reply
        return reply

    @property
    def journaled(self) -> bool:
        """Whether replies are written to a journal."""
        return bool(self._journals)

    def replay(self, call: Call) -> Reply:
        """Answer a call from the journal only.

        Args:
            call: A call that was answered before.

        Returns:
            The reply.

        Raises:
            APIError: The journal does not have the reply.
        """
        cached = self._cached(self._key(call, encode(call.payload)))
        if cached is None:
            raise APIError("No answer in the journal")
        return cached

    def gave_up(self, error: APIError) -> bool:
        """Say whether an error comes from a call that failed, and not from a unit that could not use a reply.

        Args:
            error: The error that a unit raised.

        Returns:
            True if the call was already retried.
        """
        return error in self._failed

    def forget(self, calls: Sequence[Call]) -> None:
        """Remove the replies to calls from the journals, because they could not be used.

        Args:
            calls: The calls.
        """
        keys = [self._key(call, encode(call.payload)) for call in calls]
        for journal in self._journals:
            journal.forget(keys)

    def _key(self, call: Call, body: bytes) -> bytes:
        return answer_key(self._identity, call.path, body, call.repeat)

    def _cached(self, key: bytes) -> Reply | None:
        for journal in self._journals:
            raw = journal.get(key)
            if raw is not None:
                try:
                    parsed = decode(raw)
                except (ValueError, RecursionError):
                    continue
                # An earlier version may have kept a failure that a reply with status 200 reports.
                if failure_inside(parsed, "", _NO_SECRETS) is None:
                    return Reply(parsed, self._endpoints.identity, 0, True, usage_of(parsed))
        return None

    async def _join(self, key: bytes) -> Reply:
        """Wait for an equal call that is already in flight."""
        waiting = self._in_flight[key]
        if waiting is None:
            waiting = self._in_flight[key] = asyncio.get_running_loop().create_future()
        reply = await asyncio.shield(waiting)
        self.accounting.answered(reply.usage, cached=True)
        return Reply(reply.body, reply.endpoint, reply.attempts, True, reply.usage)

    async def _send(self, call: Call, body: bytes) -> _Result:
        """Send a call, and retry it when it fails."""
        self._check_budget()
        rate = self._policy.rate
        rate.calls += 1
        try:
            reply, raw = await self._attempt(call, body)
        except APIError as error:
            if isinstance(error, ServerError):
                rate.failures += 1
            try:
                if not self._policy.allows(error):
                    raise
                (reply, raw), reply.attempts = await self._again(call, body, error)
                if reply.timing is not None:
                    reply.timing = reply.timing._replace(retried=True)
            except APIError as last:
                self.accounting.failed += 1
                self._failed.add(last)
                if call.path == self._main_path:
                    self._hopeless.failed(last)
                raise
        self._hopeless.answered(asked=call.path == self._main_path)
        self.accounting.answered(reply.usage, cached=False)
        self.accounting.prompts.add(call.payload, reply.usage)
        return reply, raw

    async def _again(self, call: Call, body: bytes, first: APIError) -> tuple[_Result, int]:
        async def attempt() -> _Result:
            self.accounting.retries += 1
            self._check_budget()
            return await self._attempt(call, body)

        return await self._policy.again(
            attempt,
            first,
            sleep=self._sleep,
            has_other_endpoint=self._endpoints.another_ready,
            successes=lambda: self.accounting.requests,
        )

    async def _sleep(self, seconds: float) -> None:
        """Wait before a retry. The call does not count as in flight, so the dispatcher may start another one."""
        if seconds <= 0:
            return
        self._say_wait(seconds, f"before the next attempt, after: {self._last_failure}")
        self.sleeping += 1
        if self.on_sleep is not None:
            self.on_sleep()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.sleeping -= 1

    def _say_wait(self, seconds: float, why: str) -> None:
        """Log a long wait, unless an earlier line covers it."""
        now = asyncio.get_running_loop().time()
        if seconds > _MIN_SECONDS_SAID and now >= self._said_until:
            self._said_until = now + seconds
            eval_logger.warning("Waiting %.0f s %s", seconds, why)

    async def _attempt(self, call: Call, body: bytes) -> _Result:
        """Send a call once; an attempt that fails because of an outage is repeated after it, and does not count."""
        for _ in range(self._policy.retries if self._main_path is not None else 0):
            if self._outage.active:
                await self._outage.wait()
            try:
                return await self._send_once(call, body)
            except (EndpointUnreachable, ServerError) as error:
                if not (is_down(error) and self._endpoints.all_fail(once=is_down(error, certain=True))):
                    raise
                if not await self._outage.explains(error):
                    raise
                self.accounting.retries += 1
        return await self._send_once(call, body)

    async def _reachable(self) -> bool:
        """Send a small request to one endpoint after the other; say whether any answers, in whatever way."""
        body, found = encode(self._feeler.payload), False
        for endpoint in self._endpoints.endpoints:
            try:
                await self._transport.send(endpoint.url(self._feeler.path), body)
            except APIError as error:
                if is_silent(error):
                    self.accounting.retries += 1
                    continue
            self._endpoints.is_back(endpoint)
            found = True
        return found

    async def _send_once(self, call: Call, body: bytes) -> _Result:
        """Send a call once, when concurrency and limits allow it."""
        if not self.gate.try_enter():
            await self.gate.enter()
        endpoint = self._endpoints.pick()
        endpoint.outstanding += 1
        tokens = 0
        try:
            if endpoint.resume_at or self._limits.active:
                tokens = call.tokens or _estimate(call, body)
                endpoint.outstanding_tokens += tokens
                if (wait := await self._wait_of(endpoint, tokens)) > 0:
                    await asyncio.sleep(wait)
            endpoint.requests += 1
            reply, raw, headers = await self._timed(endpoint, call, body)
            if call.path.endswith(("/completions", "/responses")):
                check_choices(call.payload, reply.body)
        except APIError as error:
            self._note_failure(endpoint, error)
            raise
        except LMEvalError:
            raise
        except Exception as error:  # a reply that no rule foresaw is the failure of this call, not the end of the run
            raise unreadable(error, endpoint.shown) from error
        finally:
            endpoint.outstanding -= 1
            endpoint.outstanding_tokens -= tokens
            self.gate.leave()
        if self._descriptions is not None and not body:
            self._descriptions.dates[call.path] = headers.get("Date", "")
        endpoint.failures_in_a_row = 0
        self._limit.answered()
        if tokens or "x-ratelimit-remaining-requests" in headers or "x-ratelimit-remaining-tokens" in headers:
            self._learn(endpoint, headers, reply.usage, tokens)
        return reply, raw

    async def _timed(self, endpoint: Endpoint, call: Call, body: bytes) -> tuple[Reply, bytes, Mapping[str, str]]:
        """Send a call, and once more in another form if the server refuses to stream; return the headers, too."""
        url = endpoint.url(call.path)
        while True:
            sent = self._streaming.applied(call, body)
            arrivals = None if sent is body else Arrivals()
            began = perf_counter()
            try:
                parsed, raw, headers = await self._transport.send(url, sent, arrivals)
            except APIError as error:
                if not (arrivals and self._streaming.learn(error)) or self._streaming.applied(call, body) == sent:
                    raise
                continue
            usage = usage_of(parsed)
            timing = Timing.of(began, perf_counter(), arrivals, usage.completion if usage else 0)
            return Reply(parsed, endpoint.shown, usage=usage, timing=timing), raw, headers

    async def _wait_of(self, endpoint: Endpoint, tokens: int) -> float:
        """Return how long a request must wait for the limits and for a pause of its endpoint."""
        wait = await self._limits.reserve(endpoint.base, tokens) if self._limits.active else 0.0
        if self._limits.reason:
            self._say_wait(wait, f"for {endpoint.shown}: {self._limits.reason}")
        pause = self._endpoints.wait(endpoint)
        self._say_wait(pause, f"for {endpoint.shown}, after: {self._last_failure}")
        return max(wait, pause)

    def _learn(self, endpoint: Endpoint, headers: Mapping[str, str], usage: Usage | None, tokens: int) -> None:
        """Update the rate limits from a reply."""
        if tokens and usage is not None:
            self._limits.settle(tokens, usage.prompt + usage.completion)
        self._limits.learn(endpoint.base, headers, endpoint.outstanding, endpoint.outstanding_tokens)

    def _note_failure(self, endpoint: Endpoint, error: APIError) -> None:
        """Register a failure at the endpoint, and at the concurrency limit if the server is overloaded."""
        self._last_failure = str(error)
        self.accounting.errors[error.kind] += 1
        if isinstance(error, RateLimited):
            self._limit.refused("429")
            self._limits.refused(endpoint.base, error.retry_after)
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


def _estimate(call: Call, body: bytes) -> int:
    """Estimate the tokens of a call: a quarter of its characters, plus the maximum it may generate."""
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    max_tokens = next((call.payload[name] for name in names if call.payload.get(name)), None)
    return len(body) // _CHARACTERS_PER_TOKEN + (max_tokens if isinstance(max_tokens, int) else 0)
