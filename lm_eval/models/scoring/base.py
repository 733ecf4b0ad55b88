"""What all scoring strategies share: slots are grouped into units, and a slot that fails leaves its group alone."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from lm_eval.api.instance import ResponseInfo, Usage
from lm_eval.errors import APIError, CheckFailed, ContextLengthExceeded, MalformedResponse, TokenNotListed
from lm_eval.models.logprobs.blocks import TopToken, choices_of, first_top_tokens
from lm_eval.models.logprobs.checks import LogLikelihood, check_top_tokens
from lm_eval.models.scoring.pairs import TextPair
from lm_eval.models.scoring.planned import PlannedRequests, Sizes
from lm_eval.models.scoring.prefix import NO_PREFIX, Prefix
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["CERTAIN", "CountingAsk", "GroupUnit", "Scorer", "UnitResult", "answer", "ask_top_tokens", "failed_unit"]

_MAX_GROUP = 64
CERTAIN = LogLikelihood(0.0, True)
"""The log-likelihood of an empty text; no request is sent for it."""

UnitResult = Sequence[Answer | Unit]
"""What a unit returns: finished answers, and units that are still to run."""


@dataclass(slots=True)
class GroupUnit:
    """Slots that are scored together, and the strategy's method that scores them.

    Attributes:
        slots: The slots.
        score: Scores them.
        replayed: What ``replay`` runs instead of ``score``, where ``score`` only raises an error.
    """

    slots: Sequence[Slot]
    score: Callable[[Ask, Sequence[Slot]], Awaitable[UnitResult]]
    replayed: Callable[[Ask, Sequence[Slot]], Awaitable[UnitResult]] | None = None

    def run(self, ask: Ask) -> Awaitable[UnitResult]:
        """Score the slots."""
        return self.score(ask, self.slots)

    def replay(self, ask: Ask) -> Awaitable[UnitResult]:
        """Make the calls that led to an error, for a look at which they are."""
        return (self.replayed or self.score)(ask, self.slots)


@dataclass(slots=True)
class CountingAsk:
    """An ``Ask`` that sums the tokens of the replies.

    Attributes:
        ask: Sends calls.
        usage: The tokens since the last ``take``.
        lost: The errors of calls that got no reply. Any other error is about the content of a reply.
    """

    ask: Ask
    usage: Usage | None = None
    lost: tuple[APIError, ...] = ()

    async def __call__(self, call: Call) -> Reply:
        """Send a call and add its tokens."""
        try:
            reply = await self.ask(call)
        except APIError as error:
            self.lost += (error,)
            raise
        if reply.usage is not None and self.usage is not None:
            self.usage = replace(self.usage)  # A copy: until here it is the object of the first reply.
            self.usage.add(reply.usage)
        elif reply.usage is not None:
            self.usage = reply.usage
        return reply

    def take(self) -> Usage | None:
        """Return the tokens since the last ``take`` and start again from none."""
        usage, self.usage = self.usage, None
        return usage


def failed_unit(
    slot: Slot, error: APIError, replayed: Callable[[Ask, Sequence[Slot]], Awaitable[UnitResult]] | None = None
) -> Unit:
    """Build a unit that only raises an error, so that the other slots of a group keep their answers.

    Args:
        slot: The slot that failed.
        error: Its error.
        replayed: Makes the calls that led to the error; None when none is to be forgotten.
    """

    async def fail(ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        raise error

    return GroupUnit([slot], fail, replayed)


def answer(slot: Slot, score: LogLikelihood, usage: Usage | None = None) -> Answer:
    """Build the answer for a slot.

    Args:
        slot: The slot.
        score: Its log-likelihood.
        usage: The tokens it cost; None when unknown, or when another slot of the same request has them.

    Returns:
        An answer with ``(logprob, is_greedy)``, or with ``logprob`` alone for a rolling request.
    """
    rolling = slot.instance.request_type == "loglikelihood_rolling"
    response: object = score.logprob if rolling else (score.logprob, score.greedy)
    return Answer(slot, response, ResponseInfo(usage=usage, approximate=score.approximate))


async def ask_top_tokens(ask: Ask, call: Call) -> list[TopToken]:
    """Send a call and return the ``top_logprobs`` of the token it generates, checked, likeliest first."""
    reply = await ask(call)
    tops = first_top_tokens(choices_of(reply)[0])
    check_top_tokens(tops, reply.endpoint)
    return tops


class Scorer(ABC):
    """A strategy: one way to get log-likelihoods from a server.

    A strategy defines ``obstacle`` (where it cannot be used), ``score`` (one pair) and ``planned_group`` (the requests
    it will send). It overrides ``joins`` and ``score_group`` where one request scores several pairs, and
    ``score_document`` and ``planned_document`` where it can score complete texts.

    Attributes:
        name: Its name for ``scoring=``.
        summary: How it works, in a few words.
        by_name_only: Whether it is used only when ``scoring=`` names it.
        one_token: Whether it scores continuations of one token only.
        counts_tokens: Whether the number of its requests depends on the tokens of continuations.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    by_name_only: ClassVar[bool] = False
    one_token: ClassVar[bool] = False
    counts_tokens: ClassVar[bool] = False

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings) -> None:
        """Store what is known of the server.

        Args:
            capabilities: The findings of the probe.
            settings: The settings of the run.
        """
        self.capabilities, self.settings = capabilities, settings
        self.prefix = Prefix(capabilities, settings)

    @classmethod
    @abstractmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the strategy cannot be used on a server, in one clause; None when it can."""

    def refuses(self, request_type: str) -> str | None:
        """Return why the strategy cannot answer a request type; None when it can."""
        if request_type != "loglikelihood_rolling":
            return None
        if self.one_token:
            return f"scoring={self.name} scores one-token choices only, not complete texts"
        return None if self.prefix.known else NO_PREFIX

    @cached_property
    def max_prompt_tokens(self) -> int | None:
        """The maximum number of tokens in a prompt: one token of the window is kept for the token generated."""
        window = self.capabilities.window(self.settings.max_length)
        return window - 1 if window is not None else None

    def too_long(self, length: int | None, advice: str) -> ContextLengthExceeded:
        """Build the error for a prompt that does not fit the window.

        Args:
            length: The prompt's tokens; None when unknown.
            advice: What the user can do.
        """
        what = f"A prompt of {length} tokens" if length is not None else "The prompt"
        limit = self.max_prompt_tokens
        message = f"{what} does not fit: at most {limit} tokens, as one is kept for the generated token"
        return ContextLengthExceeded(message, advice=advice)

    def units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Group slots into units, holding at most one unit in memory.

        Args:
            slots: Slots of ``loglikelihood`` and ``loglikelihood_rolling`` Instances; those with the same context are
                adjacent.

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
            if group and not self.joins(group, slot):
                yield GroupUnit(group, self.score_group)
                group = []
            group.append(slot)
        if group:
            yield GroupUnit(group, self.score_group)

    def planned(self, slots: Iterable[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan the requests for slots without sending any.

        Args:
            slots: Slots as for ``units``.
            sizes: Estimates of the number of tokens in texts.

        Yields:
            The requests of one unit after another. Requests of the probe and of ``/tokenize`` are not included.
        """
        for unit in self.units(slots):
            first = unit.slots[0]
            if first.instance.request_type != "loglikelihood_rolling":
                yield from self.planned_group(unit.slots, sizes)
            elif first.instance.args[0]:
                yield self.planned_document(first, sizes)

    @abstractmethod
    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan the requests that ``score_group`` will send.

        Args:
            slots: The slots of a unit.
            sizes: Estimates of the number of tokens in texts.
        """

    def planned_document(self, slot: Slot, sizes: Sizes) -> PlannedRequests:
        """Plan the requests that ``score_document`` will send: one, or one per window.

        Args:
            slot: The slot of a text that is not empty.
            sizes: Estimates of the number of tokens in texts.
        """
        text, limit = slot.instance.args[0], self.max_prompt_tokens
        key, tokens = hash((text, slot.repeat)), sizes.tokens(len(text))
        if limit is None or tokens <= limit:
            return PlannedRequests(key, 1, len(text))
        # Each window is counted as full: the last one too takes as much context as fits.
        windows = math.ceil(tokens / max(limit - 1, 1))
        return PlannedRequests(key, windows, windows * limit / sizes.tokens_per_character)

    def joins(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Return whether a slot joins a group; by default when context and repeat are the same."""
        first = group[0]
        same = first.repeat == slot.repeat and first.instance.args[0] == slot.instance.args[0]
        return same and len(group) < _MAX_GROUP

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score the slots of a group one after another; by default with separate requests."""
        finished: list[Answer | Unit] = []
        counting = CountingAsk(ask)
        for slot in slots:
            try:
                pair = TextPair.of(slot)
                score = await self.score(counting, pair) if pair.continuation else CERTAIN
                finished.append(answer(slot, score, counting.take()))
            except APIError as error:
                finished.append(self.failed(counting, slots, slot, error))
        return finished

    def failed(self, ask: CountingAsk, group: Sequence[Slot], slot: Slot, error: APIError) -> Unit:
        """Return the unit that reports, or tries again, a slot of a group that failed.

        An answer that cannot be used must not stay in the journal. Only the dispatcher deletes a journal entry and asks
        again, and it does so when a unit with a single slot raises. So such a slot gets its own unit, which raises.

        Args:
            ask: The ``Ask`` that sent the calls of the group.
            group: The slots of the unit that is running.
            slot: The slot that failed.
            error: Its error.

        Returns:
            A unit that scores the slot alone, or one that only raises the error.

        Raises:
            MalformedResponse: The slot was alone already, and its answer cannot be used.
        """
        unusable = isinstance(error, MalformedResponse) and not isinstance(error, TokenNotListed)
        if not unusable or error in ask.lost:
            return failed_unit(slot, error, self.score_group)
        if len(group) == 1:
            raise error
        return GroupUnit([slot], self.score_group)

    @abstractmethod
    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Score one pair.

        Args:
            ask: Sends calls.
            pair: The pair; its continuation is not empty.

        Returns:
            The log-likelihood of the continuation.

        Raises:
            APIError: A call was lost, or an answer cannot be right.
        """

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score the complete text of a rolling request; by default an error.

        Args:
            ask: Sends calls.
            slots: The one slot of the text.
        """
        raise CheckFailed(self.refuses("loglikelihood_rolling") or f"scoring={self.name} does not score complete texts")
