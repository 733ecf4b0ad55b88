"""A pool of workers over an iterator of units: memory follows concurrency, not the number of requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from lm_eval.api.instance import RequestError
from lm_eval.errors import APIError, MalformedResponse, RunAborted
from lm_eval.models.work import Answer, Call, Reply, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Dispatcher"]

_WORKERS_A_PLACE, _MORE_WORKERS = 4, 16


class Dispatcher:
    """Takes units one by one, runs them, hands out answers and failures."""

    def __init__(
        self,
        engine: Engine,
        units: Iterator[Unit],
        answered: Callable[[Answer], None],
        lost: Callable[[Slot, RequestError], None],
    ) -> None:
        """Keep the parts; ``run`` does the work.

        Args:
            engine: Answers calls and says how many may be in flight.
            units: The work; taken from when a worker is free.
            answered: Gets every answer.
            lost: Gets every slot whose request is lost for good.
        """
        self._engine, self._units = engine, units
        self._answered, self._lost = answered, lost
        self._later: list[Unit] = []
        self._exhausted = False
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Event = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Work until nothing is left.

        Raises:
            BaseException: What a unit, the iterator or a callback raised, if it was not an ``APIError``: the run then
                ends at once.
        """
        self._engine.on_sleep = self._hire
        try:
            self._hire()
            if self._workers:
                await self._idle.wait()
        finally:
            self._engine.on_sleep = None
            self._exhausted = True
            self._later.clear()
            for worker in self._workers:
                worker.cancel()
            if self._workers:
                await asyncio.gather(*self._workers, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    def _hire(self) -> None:
        """Start workers until as many are awake as calls may be in flight.

        A worker that waits to try again does not count, up to a bound that keeps memory in check.
        """
        places = self._engine.gate.limit.value
        while (
            self._failure is None
            and len(self._workers) - self._engine.sleeping < places
            and len(self._workers) < places * _WORKERS_A_PLACE + _MORE_WORKERS
        ):
            unit = self._next()
            if unit is None:
                return
            worker = asyncio.ensure_future(self._work(unit))
            self._workers.add(worker)
            worker.add_done_callback(self._left)

    def _left(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None and self._failure is None:
            self._failure = error
        if self._failure is not None or not self._workers:
            self._idle.set()

    def _next(self) -> Unit | None:
        """Take a unit: one that follows from finished work, else the iterator's next."""
        if self._later:
            return self._later.pop()
        if self._exhausted:
            return None
        try:
            return next(self._units)
        except StopIteration:
            self._exhausted = True
        except BaseException as error:
            self._exhausted = True
            self._failure = error
            self._idle.set()
        return None

    async def _work(self, unit: Unit | None) -> None:
        engine = self._engine
        while unit is not None:
            try:
                try:
                    results = await unit.run(engine.ask)
                except MalformedResponse as unusable:
                    if engine.gave_up(unusable):
                        raise
                    results = await self._run_again(unit, unusable)
            except APIError as error:
                # Failure is data: the run goes on without this unit.
                reason = RequestError(error.kind, str(error), error.status, error.attempts, error.endpoint)
                for slot in unit.slots:
                    self._lost(slot, reason)
            except RunAborted as error:
                raise error.error from None
            else:
                self._hand_out(results)
            places = engine.gate.limit.value
            awake = len(self._workers) - engine.sleeping
            if awake > places:
                # Out of the count at once: else all that end in the same turn of the loop would take themselves for
                # the one too many, and the rest of the work would be left behind.
                self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))
                return
            if awake < places:
                self._hire()
            unit = self._next()

    def _hand_out(self, results: Sequence[Answer | Unit]) -> None:
        follow_ups: list[Unit] = []
        for result in results:
            if isinstance(result, Answer):
                self._answered(result)
            else:
                follow_ups.append(result)
        if follow_ups:
            self._later.extend(reversed(follow_ups))
            self._hire()

    async def _run_again(self, unit: Unit, error: MalformedResponse) -> Sequence[Answer | Unit]:
        """Run a unit again that could not use what it was answered; such answers leave the journal."""
        engine = self._engine
        for attempt in range(1, engine.tries_for_a_unit + 1):
            await self._forget_answers(unit)
            error.attempts = attempt
            if not error.retryable or attempt == engine.tries_for_a_unit:
                break
            engine.accounting.retries += 1
            try:
                return await unit.run(engine.ask)
            except MalformedResponse as again:
                if engine.gave_up(again):
                    raise
                error = again
        raise error

    async def _forget_answers(self, unit: Unit) -> None:
        """Find out what a unit asked, by running it on the journal alone, and remove those answers."""
        made: list[Call] = []

        async def replay(call: Call) -> Reply:
            made.append(call)
            return self._engine.replay(call)

        if self._engine.journaled:
            with contextlib.suppress(APIError):
                await unit.run(replay)
            self._engine.forget(made)
