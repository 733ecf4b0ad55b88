"""A pool of workers over an iterator of units: memory follows concurrency, not the number of requests."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lm_eval.api.instance import RequestError
from lm_eval.errors import APIError, LMEvalError, MalformedResponse, RequestRejected, RunAborted, TokenNotListed
from lm_eval.models.http.replies import unreadable
from lm_eval.models.work import Answer, Call, Postponed, Replayed, Reply, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Dispatcher"]

eval_logger = logging.getLogger("lm_eval")

_WORKERS_PER_CALL, _EXTRA_WORKERS = 4, 16
"""At most 4 workers per call in flight, plus 16: most may wait for a retry, and each holds the payload of its unit."""


class Dispatcher:
    """Takes units one by one, runs them, and passes on answers and failures."""

    def __init__(
        self,
        engine: Engine,
        units: Iterator[Unit],
        answered: Callable[[Answer], Iterable[Unit] | None],
        lost: Callable[[Slot, RequestError], None],
        set_aside: Callable[[Unit, Postponed], Awaitable[None]] | None = None,
    ) -> None:
        """Store the parts; ``run`` does the work.

        Args:
            engine: Answers calls, and limits the number in flight.
            units: The work; the next unit is taken when a worker is free.
            answered: Receives every answer, and may return units that had to wait for it.
            lost: Receives every slot whose request failed for good.
            set_aside: Receives every unit that waits for a batch.
        """
        self._engine, self._units = engine, units
        self._answered, self._lost, self._set_aside = answered, lost, set_aside
        self._tries: dict[int, int] = {}
        self._follow_ups: list[Unit] = []
        self._exhausted = False
        self._workers: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Event = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Run all units.

        Raises:
            BaseException: An exception of a unit, of the iterator or of a callback that is not an ``APIError``. It ends
                the run at once.
        """
        self._engine.on_sleep = self._start_workers
        try:
            self._start_workers()
            if self._workers:
                await self._finished.wait()
        finally:
            self._engine.on_sleep = None
            self._exhausted = True
            self._follow_ups.clear()
            for worker in self._workers:
                worker.cancel()
            if self._workers:
                await asyncio.gather(*self._workers, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def run_more(self, units: Iterator[Unit]) -> None:
        """Run further units, after ``run`` has ended.

        Args:
            units: The work.

        Raises:
            BaseException: As ``run`` does.
        """
        self._units, self._exhausted, self._finished = units, False, asyncio.Event()
        await self.run()

    def _start_workers(self) -> None:
        """Start workers until there is one per call that may be in flight.

        Workers that wait before a retry do not count, up to a limit that bounds memory.
        """
        limit = self._engine.gate.limit.value
        while (
            self._failure is None
            and len(self._workers) - self._engine.sleeping < limit
            and len(self._workers) < limit * _WORKERS_PER_CALL + _EXTRA_WORKERS
        ):
            unit = self._next_unit()
            if unit is None:
                return
            worker = asyncio.ensure_future(self._work(unit))
            self._workers.add(worker)
            worker.add_done_callback(self._worker_ended)

    def _worker_ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None and self._failure is None:
            self._failure = error
        if self._failure is not None or not self._workers:
            self._finished.set()

    def _next_unit(self) -> Unit | None:
        """Return a follow-up unit of finished work, else the next unit of the iterator."""
        if self._follow_ups:
            return self._follow_ups.pop()
        if self._exhausted:
            return None
        try:
            return next(self._units)
        except StopIteration:
            self._exhausted = True
        except BaseException as error:
            self._exhausted = True
            self._failure = error
            self._finished.set()
        return None

    async def _work(self, unit: Unit | None) -> None:
        engine = self._engine
        while unit is not None:
            try:
                try:
                    results = await self._run(unit)
                except MalformedResponse as error:
                    if engine.gave_up(error):
                        raise
                    results = await self._run_again(unit, error)
            except APIError as error:
                # A failed request is data: the run continues without this unit.
                if isinstance(error, RequestRejected) and isinstance(unit, Replayed):
                    await self._forget_answers(unit)
                reason = RequestError.of(error)
                for slot in unit.slots:
                    self._lost(slot, reason)
            except Postponed as postponed:
                if self._set_aside is None:
                    raise
                await self._set_aside(unit, postponed)
            except RunAborted as error:
                raise error.error from None
            else:
                self._tries.pop(id(unit), None)
                self._pass_on(results)
            limit = engine.gate.limit.value
            awake = len(self._workers) - engine.sleeping
            if awake > limit:
                # Remove this worker from the set now. Otherwise several workers that check in the same loop iteration
                # would each see one too many, all exit, and leave work undone.
                worker = asyncio.current_task()
                assert worker is not None
                self._workers.discard(worker)
                return
            if awake < limit:
                self._start_workers()
            unit = self._next_unit()

    async def _run(self, unit: Unit) -> Sequence[Answer | Unit]:
        """Run a unit. Any exception of the code that reads a reply means that the reply is malformed."""
        ask, answered, cached = self._engine.ask, False, False

        async def noting(call: Call) -> Reply:
            nonlocal answered, cached
            reply = await ask(call)
            answered, cached = True, cached or reply.cached
            if reply.timing is not None:
                self._engine.accounting.timings.add(
                    reply.timing, {slot.instance.task_name or "" for slot in unit.slots}
                )
            return reply

        try:
            return await unit.run(noting)
        except MalformedResponse as error:
            # A reply of an earlier run that cannot be used is asked for once more, whatever is wrong with it.
            error.retryable = error.retryable or (cached and not isinstance(error, TokenNotListed))
            raise
        except LMEvalError:
            raise
        except Exception as error:
            if not answered:
                raise
            eval_logger.debug("A reply cannot be read", exc_info=error)
            raise unreadable(error) from error

    def _pass_on(self, results: Sequence[Answer | Unit]) -> None:
        follow_ups: list[Unit] = []
        for result in results:
            if isinstance(result, Answer):
                follow_ups.extend(self._answered(result) or ())
            else:
                follow_ups.append(result)
        if follow_ups:
            self._follow_ups.extend(reversed(follow_ups))
            self._start_workers()

    async def _run_again(self, unit: Unit, error: MalformedResponse) -> Sequence[Answer | Unit]:
        """Run a unit again that could not use a reply, and remove its replies from the journal."""
        engine = self._engine
        # A unit that waits for a batch in between goes on counting where it was.
        for attempt in range(1 + self._tries.pop(id(unit), 0), engine.max_unit_attempts + 1):
            await self._forget_answers(unit)
            error.attempts = attempt
            if not error.retryable or attempt == engine.max_unit_attempts:
                break
            engine.accounting.retries += 1
            try:
                return await self._run(unit)
            except Postponed:
                self._tries[id(unit)] = attempt
                raise
            except MalformedResponse as again:
                if engine.gave_up(again):
                    raise
                error = again
        raise error

    async def _forget_answers(self, unit: Unit) -> None:
        """Remove a unit's replies from the journal; running the unit on the journal shows which calls it makes."""
        calls: list[Call] = []

        async def replay(call: Call) -> Reply:
            calls.append(call)
            return self._engine.replay(call)

        if self._engine.journaled:
            with contextlib.suppress(Exception):
                await (unit.replay(replay) if isinstance(unit, Replayed) else unit.run(replay))
            self._engine.forget(calls)
