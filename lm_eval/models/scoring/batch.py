"""Strategies that put several prompts in one request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from lm_eval.errors import APIError, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.scoring.base import CERTAIN, CountingAsk, GroupUnit, Scorer, UnitResult, answer
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for
from lm_eval.models.work import Answer, Ask, Slot, Unit

__all__ = ["BatchScorer"]

Item = TypeVar("Item")


class BatchScorer(Scorer, Generic[Item]):
    """Base of strategies that put up to ``batch_size`` prompts in one request.

    A subclass defines ``send``, which returns one ``Item`` per prompt, and ``finish``, which scores an item. When a
    request with several prompts fails, each prompt is sent again alone, so that only the prompt at fault is lost.
    """

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """The maximum number of prompts in one request."""

    @abstractmethod
    async def send(self, ask: Ask, batch: Sequence[TextPair]) -> Sequence[Item]:
        """Send one request for a batch of pairs.

        Args:
            ask: Sends calls.
            batch: Pairs of the same repeat.

        Returns:
            What the answer holds for each pair, in order.
        """

    @abstractmethod
    async def finish(
        self, ask: CountingAsk, slots: Sequence[Slot], pair: TextPair, item: Item, *, alone: bool
    ) -> Answer | Unit:
        """Score what an answer holds for one pair.

        Args:
            ask: Sends calls, should more be needed.
            slots: The slots of the unit.
            pair: What was sent.
            item: What came back.
            alone: Whether the request held this pair only.

        Returns:
            The answer, or a unit that reports or tries again a slot that failed.
        """

    def prompt_of(self, pair: TextPair) -> TextPair | None:
        """Return the pair as it is sent; None when text cannot express it and ``score`` has to."""
        return pair

    async def rejected(self, ask: CountingAsk, slots: Sequence[Slot], pair: TextPair, error: APIError) -> Answer | Unit:
        """Return the answer or the unit for a pair whose request failed, with no other pair in it."""
        return self.failed(ask, slots, pair.slot, error)

    def batch_failed(self) -> None:
        """Hear of a request with several prompts that failed; by default nothing is done."""

    def joins(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Return whether a slot joins a group: up to ``batch_size`` slots of one repeat."""
        return len(group) < self.batch_size and group[0].repeat == slot.repeat

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan one request for all pairs of a unit."""
        pairs = scorable_pairs(slots)
        if pairs:
            yield request_for(pairs)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score the pairs of a unit with one request."""
        finished: list[Answer | Unit] = []
        counting = CountingAsk(ask)
        batch: list[TextPair] = []
        for slot in slots:
            try:
                pair = TextPair.of(slot)
                if not pair.continuation:
                    finished.append(answer(slot, CERTAIN))
                elif (prompt := self.prompt_of(pair)) is not None:
                    batch.append(prompt)
                else:
                    finished.append(answer(slot, await self.score(counting, pair), counting.take()))
            except APIError as error:
                finished.append(self.failed(counting, slots, slot, error))
        if not batch:
            return finished
        alone = len(batch) == 1
        try:
            items = await self.send(counting, batch)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            if alone:
                return [*finished, await self.rejected(counting, slots, batch[0], error)]
            self.batch_failed()
            return [*finished, *(GroupUnit([pair.slot], self.score_group) for pair in batch)]
        for pair, item in zip(batch, items, strict=True):
            finished.append(await self.finish(counting, slots, pair, item, alone=alone))
        return finished
