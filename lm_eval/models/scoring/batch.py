"""Strategies that put several prompts in one request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from lm_eval.errors import APIError, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.logprobs.checks import LogLikelihood
from lm_eval.models.scoring.base import CERTAIN, CountingAsk, GroupUnit, Scorer, UnitResult, answer
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for
from lm_eval.models.work import Answer, Ask, Slot, Unit

__all__ = ["BatchScorer"]


class BatchScorer(Scorer):
    """Base of strategies that put up to ``batch_size`` prompts in one request.

    When a request with several prompts fails, each prompt is sent again alone, so that only the prompt at fault is
    lost. A prompt whose part of a good answer fails a check is the only one that fails.
    """

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """The maximum number of prompts in one request."""

    @abstractmethod
    async def score_batch(self, ask: Ask, batch: Sequence[TextPair]) -> Sequence[LogLikelihood | APIError]:
        """Score a batch with one request.

        Args:
            ask: Sends calls.
            batch: Pairs of the same repeat, as ``prompt_of`` returned them.

        Returns:
            For each pair its log-likelihood, or the error of its part of the answer.

        Raises:
            APIError: The request failed for all pairs.
        """

    def prompt_of(self, pair: TextPair) -> TextPair | None:
        """Return the pair as it is sent; None when text cannot express it and ``score`` is used instead."""
        return pair

    async def handle(self, ask: CountingAsk, slots: Sequence[Slot], pair: TextPair, error: APIError) -> Answer | Unit:
        """Return the answer or the unit for a pair that met an error; by default as ``failed`` does."""
        return self.failed(ask, slots, pair.slot, error)

    def batch_failed(self) -> None:
        """Do what is needed after a request with several prompts failed; by default nothing."""

    def joins(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Return whether a slot joins a group: up to ``batch_size`` slots of one repeat that agree about BOS."""
        if len(group) >= self.batch_size or group[0].repeat != slot.repeat:
            return False
        # One request says one thing about BOS: it may precede an empty context, or be part of the text.
        first, second = (str(member.instance.args[0]) for member in (group[0], slot))
        starts = self.settings.starts_with_bos
        return starts(first) == starts(second) and bool(first.strip()) == bool(second.strip())

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
        scores: Sequence[LogLikelihood | APIError] = ()
        try:
            scores = await self.score_batch(counting, batch) if batch else ()
        except (RequestRejected, ServerError, MalformedResponse) as error:
            if len(batch) > 1:
                self.batch_failed()
                return [*finished, *(GroupUnit([pair.slot], self.score_group) for pair in batch)]
            scores = [error]
        # The tokens of a request are counted for its first pair.
        for pair, score in zip(batch, scores, strict=True):
            if isinstance(score, APIError):
                finished.append(await self.handle(counting, slots, pair, score))
            else:
                finished.append(answer(pair.slot, score, counting.take()))
        return finished

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Score one pair with a request for it alone."""
        (score,) = await self.score_batch(ask, [pair])
        if isinstance(score, APIError):
            raise score
        return score
