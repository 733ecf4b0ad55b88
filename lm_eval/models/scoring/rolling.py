"""Log-likelihoods of complete texts: windows that are scored side by side and summed at the end."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lm_eval.api.instance import Usage
from lm_eval.errors import APIError, WrongTokens
from lm_eval.models.logprobs.checks import LogLikelihood
from lm_eval.models.scoring.base import CountingAsk, GroupUnit, UnitResult, answer
from lm_eval.models.work import Ask, Slot

__all__ = ["Again", "ScoreIds", "Window", "WindowUnit", "window_units", "windows"]

ScoreIds = Callable[[Ask, list[int], int, int], Awaitable[LogLikelihood]]
"""Scores the tokens of a prompt from an index on; the last argument is the repeat."""
Again = Callable[[Ask], Awaitable[UnitResult]]
"""Tokenizes a text again and returns new units; an error when its tokens are the same."""


class Window(NamedTuple):
    """A window over the tokens of a text.

    Attributes:
        start: The index of the first token of context; -1 for the prefix token.
        first: The index of the first token predicted.
        stop: The index after the last token predicted.
    """

    start: int
    first: int
    stop: int


def windows(count: int, max_predictions: int) -> list[Window]:
    """Cut a text into windows that predict each token exactly once.

    Windows follow one another without overlap; each has one token of context more than it needs. The last window
    predicts the remaining tokens and takes as much context as fits.

    Args:
        count: The number of tokens in the text.
        max_predictions: The maximum number of tokens that a window predicts, at least 1.

    Returns:
        The windows, in order.
    """
    cuts = []
    for first in range(0, count, max_predictions):
        stop = min(first + max_predictions, count)
        cuts.append(Window(stop - max_predictions - 1 if first else -1, first, stop))
    return cuts


@dataclass(slots=True)
class _Document:
    """The scores of a text's windows, while they come in.

    Attributes:
        slot: The slot of the text.
        scores: One entry per window; None while it is missing.
        usage: The tokens that the windows cost.
        failing: The first window that failed, or None.
        waiting: Windows put on hold since then; sent only if the failed one succeeds when it is tried again.
    """

    slot: Slot
    scores: list[LogLikelihood | None]
    usage: Usage = field(default_factory=Usage)
    failing: WindowUnit | None = None
    waiting: list[WindowUnit] = field(default_factory=list)

    def add(self, place: int, score: LogLikelihood, usage: Usage | None) -> UnitResult:
        """Store a window's score; return the text's answer when no window is missing, else nothing."""
        self.scores[place] = score
        if usage is not None:
            self.usage.add(usage)
        known = [score for score in self.scores if score is not None]
        if len(known) < len(self.scores):
            return ()
        value = math.fsum(score.logprob for score in known)
        greedy, approximate = all(score.greedy for score in known), any(score.approximate for score in known)
        return (answer(self.slot, LogLikelihood(value, greedy, approximate), self.usage),)


@dataclass(slots=True)
class WindowUnit:
    """One window of a text. A text fails only once: after one window has failed, the others wait for it.

    Attributes:
        document: The scores of the text's windows.
        place: The number of the window.
        ids: Its tokens, with those of its context.
        first: The index of the first token that is scored.
        score: Scores token ids.
        again: Tokenizes the text again, where its tokens turn out to be wrong.
        spelled: Says whether the tokens of all windows spell the text; asked after the last one.
    """

    document: _Document
    place: int
    ids: list[int]
    first: int
    score: ScoreIds
    again: Again | None = None
    spelled: Callable[[], bool] | None = None

    @property
    def slots(self) -> Sequence[Slot]:
        """The slot of the text."""
        return (self.document.slot,)

    async def replay(self, ask: Ask) -> UnitResult:
        """Make the calls that led to an error, for a look at which they are: the text is tokenized too."""
        with contextlib.suppress(Exception):
            await self.score(ask, self.ids, self.first, self.document.slot.repeat)
        return await self.again(ask) if self.again is not None else ()

    async def run(self, ask: Ask) -> UnitResult:
        """Score the window; return the text's answer with the last one.

        Args:
            ask: Sends calls.
        """
        document = self.document
        if document.failing is not None and document.failing is not self:
            document.waiting.append(self)
            return ()
        counting = CountingAsk(ask)
        try:
            score = await self.score(counting, self.ids, self.first, document.slot.repeat)
        except APIError as error:
            if document.failing is not None and document.failing is not self:
                document.waiting.append(self)
                return ()
            document.failing = self
            if self.again is None or not isinstance(error, WrongTokens):
                raise
            return self._start_again(self.again)
        waiting: list[WindowUnit] = []
        if document.failing is self:
            document.failing, waiting, document.waiting = None, document.waiting, []
        complete = document.add(self.place, score, counting.take())
        if complete and self.again is not None and self.spelled is not None and not self.spelled():
            return self._start_again(self.again)
        return (*complete, *waiting)

    def _start_again(self, again: Again) -> UnitResult:
        """Return the unit that tokenizes the text again; it gets new windows, and those that wait are dropped."""
        return (GroupUnit(self.slots, lambda ask, slots: again(ask)),)


def window_units(
    slot: Slot,
    prefix: int,
    ids: Sequence[int],
    cuts: Sequence[Window],
    score: ScoreIds,
    again: Again | None = None,
    spelled: Callable[[], bool] | None = None,
) -> Sequence[WindowUnit]:
    """Build the units for the windows of a text.

    Args:
        slot: The slot of the text.
        prefix: The id of the prefix token, the context of the first window.
        ids: The tokens of the text.
        cuts: Its windows.
        score: Scores one window.
        again: Tokenizes the text again and returns new units. None leaves a text with wrong tokens lost.
        spelled: Says whether the tokens of all windows spell the text. None does not check it.

    Returns:
        One unit per window.
    """
    document = _Document(slot, [None] * len(cuts))
    units = []
    for place, cut in enumerate(cuts):
        context = [prefix] if cut.start < 0 else list(ids[cut.start : cut.first])
        units.append(
            WindowUnit(document, place, [*context, *ids[cut.first : cut.stop]], len(context), score, again, spelled)
        )
    return units
