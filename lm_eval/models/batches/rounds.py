"""Runs units in rounds: those that wait for a batch run again when it has ended, until none waits any more."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from lm_eval.api.instance import RequestError, Usage
from lm_eval.errors import RunAborted, RunStopped, UserError
from lm_eval.models.batches.folder import BatchFile
from lm_eval.models.batches.opening import Batches
from lm_eval.models.http.dispatcher import Dispatcher
from lm_eval.models.scoring.base import GroupUnit
from lm_eval.models.server.unseen import QuestionsUnit
from lm_eval.models.work import Answer, Postponed, Slot, Unit
from lm_eval.text import count_of

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Rounds", "read_replies"]

eval_logger = logging.getLogger("lm_eval")

_LINES_AT_ONCE = 200
_BYTES_PER_TOKEN = 4


async def read_replies(engine: Engine) -> None:
    """Put the replies that an earlier process has left in files into the journal; failures are left alone.

    Args:
        engine: An engine with batches.
    """
    calls = engine.batches.calls if engine.batches is not None else None
    for file in calls.folder.files if calls is not None else ():
        if calls is not None and file.is_answered:
            for outcome in calls.read(file, quiet=True):
                if outcome.error is None:
                    engine.receive(outcome.key, outcome.raw, outcome.body, new=False)
    engine.commit()


class Rounds:
    """Answers units with batches.

    A unit runs until it makes a call that is not in the journal. The call goes into a file, and the unit is set aside.
    When the batch of the file has ended, its replies are in the journal, and the unit runs again. So memory holds the
    units, but no prompt, and a call that needs the answer of another one is in a later file by itself.
    """

    def __init__(self, engine: Engine, batches: Batches) -> None:
        """Store the parts.

        Args:
            engine: Answers calls from the journal, and sends those that no batch takes.
            batches: The calls that wait, and what brings their answers.
        """
        self._engine, self._batches = engine, batches
        self._calls, self._courier = batches.calls, batches.courier
        self._waiting: defaultdict[int, list[Unit]] = defaultdict(list)
        self._under_way: dict[int, BatchFile] = {}
        self._left: dict[int, BatchFile] = {}

    async def run(
        self,
        units: Iterator[Unit],
        answered: Callable[[Answer], Iterable[Unit] | None],
        lost: Callable[[Slot, RequestError], None],
    ) -> None:
        """Run all units.

        Args:
            units: The work.
            answered: Receives every answer, and may return units that had to wait for it.
            lost: Receives every slot whose request failed for good.

        Raises:
            BatchesPending: The run ends here, and the same command goes on later.
            RunStopped: A budget is spent, or a batch was cancelled.
            APIError: No request can succeed.
        """
        calls, courier = self._calls, self._courier
        calls.full = self._send
        self._engine.status = courier.status
        dispatcher = Dispatcher(self._engine, units, answered, lost, self._set_aside)
        try:
            await self._resume()
            await dispatcher.run()
            while self._waiting:
                for file in calls.folder.complete():
                    self._send(file)
                file = await courier.next_answered(self._under_way.keys() & self._waiting.keys())
                del self._under_way[file.number]
                await self._take(file)
                await dispatcher.run_more(iter(self._waiting.pop(file.number, [])))
            self._batches.finish()
        except RunAborted as error:
            raise error.error from None
        finally:
            await courier.close()
            calls.folder.close()

    async def _resume(self) -> None:
        """Read the files that an earlier process has left, and go on with those whose batches have not ended."""
        for file in list(self._calls.folder.files):
            if file.is_answered:
                await self._take(file, left=True)
            else:
                self._calls.wait_for(file)
                self._left[file.number] = file

    def _send(self, file: BatchFile) -> None:
        accounting = self._engine.accounting
        accounting.check()
        if accounting.has_budget:
            files = [*self._under_way.values(), file]
            prompts = sum(each.size for each in files) // _BYTES_PER_TOKEN
            accounting.check_ahead(Usage(prompts, sum(each.generated for each in files)))
        self._under_way[file.number] = file
        self._courier.start(file)

    async def _set_aside(self, unit: Unit, postponed: Postponed) -> None:
        """Keep a unit until its batch has ended, and let the other slots of its group make their calls, too."""
        self._waiting[postponed.number].append(unit)
        if isinstance(unit, QuestionsUnit):
            self._engine.hold = postponed.number
        if (file := self._left.pop(postponed.number, None)) is not None:
            self._send(file)
        if isinstance(unit, GroupUnit) and len(unit.slots) > 1:
            for slot in unit.slots:
                try:
                    await unit.score(self._engine.ask, [slot])
                except (RunStopped, RunAborted, UserError):
                    raise
                except Exception as error:  # The unit itself will meet the error.
                    eval_logger.debug("While looking for further calls: %s", error)

    async def _take(self, file: BatchFile, *, left: bool = False) -> None:
        """Put the replies of a batch into the journal, and count those that failed for good.

        The replies to a file that an earlier process has left may be in the journal already.
        """
        calls, engine = self._calls, self._engine
        received = frozenset(self._batches.received) if left else frozenset()
        answers = 0
        try:
            for number, outcome in enumerate(calls.read(file)):
                if outcome.error is None:
                    # What `read_replies` has received is counted already.
                    answers += outcome.key in received or engine.receive(
                        outcome.key, outcome.raw, outcome.body, new=not left
                    )
                else:
                    engine.failed_in_batch(outcome.error, file.path)
                if number % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
        except (RunAborted, RunStopped):
            calls.forget(file)
            raise
        finally:
            engine.commit()
        if answers:
            name = file.note.batch_id or file.replies.name
            eval_logger.info("%s brought %s.", name, count_of(answers, "reply", "replies"))
        if file.note.status == "cancelled":
            rest = calls.left_out(file)
            calls.forget(file)
            if rest:
                raise RunStopped(
                    f"Stopped: the batch {file.note.batch_id} was cancelled. Its replies are kept; the same command "
                    f"asks again for what is missing: {count_of(rest, 'request')}."
                )
        engine.accounting.check()
