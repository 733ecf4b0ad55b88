"""What all scoring strategies share: cutting slots into units, and failing one slot without the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from lm_eval.api.instance import ResponseInfo, Usage
from lm_eval.errors import APIError, CheckFailed, MalformedResponse, TokenNotListed
from lm_eval.models.logprobs.checks import Score
from lm_eval.models.logprobs.seams import split_pair
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["FailedUnit", "GroupUnit", "Outcome", "Pair", "Scorer", "TalliedAsk", "answer"]

_MOST_TOGETHER = 64
Outcome = Sequence[Answer | Unit]
Work = Callable[[Ask, Sequence[Slot]], Awaitable[Outcome]]


@dataclass(slots=True)
class GroupUnit:
    """Slots that are asked together, and the scorer's method that asks them."""

    slots: Sequence[Slot]
    work: Work

    def run(self, ask: Ask) -> Awaitable[Outcome]:
        """Do the work."""
        return self.work(ask, self.slots)


@dataclass(slots=True)
class FailedUnit:
    """One slot of a group that failed, so that the others need not."""

    slot: Slot
    error: APIError

    @property
    def slots(self) -> Sequence[Slot]:
        """The slot."""
        return (self.slot,)

    async def run(self, ask: Ask) -> Outcome:
        """Raise the error."""
        raise self.error


@dataclass(slots=True)
class TalliedAsk:
    """An ``Ask`` that adds up the tokens of its answers.

    Attributes:
        ask: Sends calls.
        usage: Tokens since ``take``.
        lost: The last call that got no answer; other errors are about answers.
    """

    ask: Ask
    usage: Usage | None = None
    lost: APIError | None = None

    async def __call__(self, call: Call) -> Reply:
        """Send a call and count its answer's tokens."""
        try:
            reply = await self.ask(call)
        except APIError as error:
            self.lost = error
            raise
        counted = reply.usage
        if self.usage is not None and counted is not None:
            self.usage = replace(self.usage)  # The reply's own counts are others' too.
            self.usage.add(counted)
        elif counted is not None:
            self.usage = counted
        return reply

    def take(self) -> Usage | None:
        """Return what was counted since the last time."""
        usage, self.usage = self.usage, None
        return usage


class Pair(NamedTuple):
    """A slot's context and continuation, white space at the seam moved to the continuation."""

    slot: Slot
    context: str
    continuation: str

    @classmethod
    def of(cls, slot: Slot) -> Pair:
        """Split a slot's arguments.

        Args:
            slot: A slot of a ``loglikelihood`` Instance.

        Returns:
            The pair.

        Raises:
            CheckFailed: The arguments are not two texts.
        """
        context, continuation = slot.instance.args[:2]
        if not isinstance(context, str) or not isinstance(continuation, str):
            raise CheckFailed("A completions endpoint scores text, not messages; leave the chat template off")
        return cls(slot, *split_pair(context, continuation))


def answer(slot: Slot, score: Score, usage: Usage | None = None) -> Answer:
    """Make a slot's answer of its score.

    Args:
        slot: The slot.
        score: Its score.
        usage: The tokens it cost.

    Returns:
        ``(logprob, is_greedy)``, or the log-probability alone for a rolling request.
    """
    rolling = slot.instance.request_type == "loglikelihood_rolling"
    response: Any = score.logprob if rolling else (score.logprob, score.greedy)
    return Answer(slot, response, ResponseInfo(usage=usage, approximate=score.approximate))


class Scorer(ABC):
    """A strategy: how log-likelihoods are got from one server.

    Attributes:
        name: What ``scoring=`` calls it.
        summary: What it does, in a few words.
        exact: Whether its values are those of the model, or may be bounds.
        by_name_only: Whether it is used only when the user names it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    exact: ClassVar[bool] = True
    by_name_only: ClassVar[bool] = False

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings) -> None:
        """Keep what is known of the server.

        Args:
            capabilities: The findings of the probe.
            settings: The run's settings.
        """
        self.capabilities, self.settings = capabilities, settings

    @classmethod
    @abstractmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Tell what keeps the strategy from being used, in one clause; None when nothing does."""

    def refuses(self, request_type: str) -> str | None:
        """Tell why the strategy cannot answer a request type; None when it can."""
        return None

    @cached_property
    def prompt_limit(self) -> int | None:
        """The most tokens a prompt may have, one kept for the token every request generates."""
        most = self.window
        return most - 1 if most is not None else None

    @cached_property
    def window(self) -> int | None:
        """The window: the user's, unless the server's is smaller."""
        limits = [limit for limit in (self.settings.max_length, self.capabilities.max_length) if limit is not None]
        return min(limits) if limits else None

    def units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Cut slots into units, looking ahead no further than one unit.

        Args:
            slots: Slots of ``loglikelihood`` and ``loglikelihood_rolling`` Instances; those that share a context
                are adjacent.

        Returns:
            Units that hold all slots, in order.
        """
        group: list[Slot] = []
        for slot in slots:
            if slot.instance.request_type == "loglikelihood_rolling":
                if group:
                    yield GroupUnit(group, self.score_group)
                    group = []
                yield GroupUnit([slot], self.score_document)
                continue
            if group and not self.together(group, slot):
                yield GroupUnit(group, self.score_group)
                group = []
            group.append(slot)
        if group:
            yield GroupUnit(group, self.score_group)

    def together(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Tell whether a slot joins a group: by default, those of one context and repeat."""
        first = group[0]
        same = first.repeat == slot.repeat and first.instance.args[0] == slot.instance.args[0]
        return same and len(group) < _MOST_TOGETHER

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score the slots of a group one after another; one that fails leaves the others alone."""
        done: list[Answer | Unit] = []
        tally = TalliedAsk(ask)
        for slot in slots:
            try:
                pair = Pair.of(slot)
                score = await self.score(tally, pair) if pair.continuation else Score(0.0, True)
                done.append(answer(slot, score, tally.take()))
            except APIError as error:
                done.append(self.failed(tally, slots, slot, error))
        return done

    def failed(self, ask: TalliedAsk, group: Sequence[Slot], slot: Slot, error: APIError) -> Unit:
        """Decide what becomes of a slot of a group that failed; the others are left alone.

        An answer that cannot be used must not stay in the journal. It is the one who runs a unit that removes it and
        asks again, and for that the unit must hold this slot alone and raise.

        Args:
            ask: What the group's calls went through.
            group: The slots of the unit that is running.
            slot: The one that failed.
            error: Why.

        Returns:
            A unit that scores the slot by itself, or one that only reports the error.

        Raises:
            MalformedResponse: The slot was by itself, and its answer cannot be used.
        """
        unusable = (
            isinstance(error, MalformedResponse) and not isinstance(error, TokenNotListed) and error is not ask.lost
        )
        if not unusable:
            return FailedUnit(slot, error)
        if len(group) == 1:
            raise error
        return GroupUnit([slot], self.score_group)

    @abstractmethod
    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair.

        Args:
            ask: Sends calls.
            pair: Context and continuation, neither of them over the seam; the continuation is not empty.

        Returns:
            The score.

        Raises:
            APIError: A call was lost, or an answer cannot be right.
        """

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score a whole text."""
        raise CheckFailed(self.refuses("loglikelihood_rolling") or f"scoring={self.name} does not score whole texts")
