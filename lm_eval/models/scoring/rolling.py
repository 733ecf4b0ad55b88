"""Log-likelihoods of whole documents: windows that run side by side and are summed at the end."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from lm_eval.api.instance import Usage
from lm_eval.errors import APIError
from lm_eval.models.logprobs.checks import Score
from lm_eval.models.logprobs.seams import Window
from lm_eval.models.scoring.base import Outcome, TalliedAsk, answer
from lm_eval.models.work import Ask, Slot

__all__ = ["Document", "ScoreIds", "window_units"]

ScoreIds = Callable[[Ask, list[int], int, int], Awaitable[Score]]
"""Scores the tokens of a prompt from a place on; the last argument is the repeat."""


@dataclass(slots=True)
class Document:
    """What is known of a document while its windows are being scored.

    Attributes:
        slot: Where its sum goes.
        scores: A place a window.
        usage: Tokens its windows cost.
        failing: The window that failed, if one did; the others then wait.
        waiting: Those that do. When the failing one succeeds after all they are asked, else never.
    """

    slot: Slot
    scores: list[Score | None]
    usage: Usage = field(default_factory=Usage)
    failing: _WindowUnit | None = None
    waiting: list[_WindowUnit] = field(default_factory=list)

    def add(self, place: int, score: Score, usage: Usage | None) -> Outcome:
        """Keep a window's score.

        Args:
            place: The window's place.
            score: Its score.
            usage: Tokens it cost.

        Returns:
            The document's answer once no window is missing, else nothing.
        """
        self.scores[place] = score
        if usage is not None:
            self.usage.add(usage)
        known = [score for score in self.scores if score is not None]
        if len(known) < len(self.scores):
            return ()
        value = math.fsum(score.logprob for score in known)
        whole = Score(value, all(score.greedy for score in known), any(score.approximate for score in known))
        return (answer(self.slot, whole, self.usage),)


@dataclass(slots=True)
class _WindowUnit:
    """One window of a document. A document fails once: the windows after that wait for the failing one."""

    document: Document
    place: int
    ids: list[int]
    first: int
    score: ScoreIds

    @property
    def slots(self) -> Sequence[Slot]:
        return (self.document.slot,)

    async def run(self, ask: Ask) -> Outcome:
        document = self.document
        if document.failing is not None and document.failing is not self:
            document.waiting.append(self)
            return ()
        tally = TalliedAsk(ask)
        try:
            score = await self.score(tally, self.ids, self.first, document.slot.repeat)
        except APIError:
            if document.failing is not None and document.failing is not self:
                document.waiting.append(self)
                return ()
            document.failing = self
            raise
        waiting: list[_WindowUnit] = []
        if document.failing is self:
            document.failing, waiting, document.waiting = None, document.waiting, waiting
        return (*document.add(self.place, score, tally.take()), *waiting)


def window_units(slot: Slot, prefix: int, ids: Sequence[int], cuts: Sequence[Window], score: ScoreIds) -> Outcome:
    """Make the units of a document's windows.

    Args:
        slot: The document's slot.
        prefix: The token the first window is conditioned on.
        ids: The document's tokens.
        cuts: Its windows.
        score: Scores one window.

    Returns:
        A unit a window.
    """
    document = Document(slot, [None] * len(cuts))
    units = []
    for place, cut in enumerate(cuts):
        context = [prefix] if cut.start < 0 else list(ids[cut.start : cut.first])
        units.append(_WindowUnit(document, place, [*context, *ids[cut.first : cut.stop]], len(context), score))
    return units
