"""The drafts of made documents, and the search for the size whose tokens fill a length."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval.api.token_counter import TokenCounter

__all__ = ["Doc", "Draft", "Draws", "SyntheticTask", "lengths", "one_that_fits", "size_of", "whole"]

Doc = dict[str, Any]

_COARSE = 4096
"""From this length on, texts grow in RULER's own steps, and documents are those of the reference harness."""
_MARGIN = 4
"""Tokens for the seams between the parts of a prompt, in texts that are filled to the last unit."""
_SECANTS = 6
"""After this number of counts the search halves what is left, whatever the counts point to."""


class Draws:
    """The random generators behind documents; their state can be kept and restored.

    Attributes:
        plain: In place of ``random``.
        numpy: In place of ``numpy.random``.
        own: A generator with the fixed seed 42.
    """

    def __init__(self, random_seed: int, numpy_seed: int) -> None:
        """Seed the generators.

        Args:
            random_seed: The seed of ``plain``.
            numpy_seed: The seed of ``numpy``.
        """
        self.plain, self.own = random.Random(random_seed), random.Random(42)
        self.numpy = np.random.RandomState(numpy_seed)

    def keep(self) -> tuple[Any, ...]:
        """Return the state."""
        return self.plain.getstate(), self.own.getstate(), self.numpy.get_state()

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back to a state.

        Args:
            state: What ``keep`` returned.
        """
        self.plain.setstate(state[0])
        self.own.setstate(state[1])
        self.numpy.set_state(state[2])


@dataclass(frozen=True)
class Draft:
    """What was drawn for a document. Its texts are written only when they are counted.

    Attributes:
        sized: Writes the text whose tokens decide how many units fit.
        counted: Writes the text whose tokens decide whether the document fits.
        finish: Completes the document, and may draw more.
    """

    sized: Callable[[], str]
    counted: Callable[[], str]
    finish: Callable[[Draws], Doc]


def whole(doc: Doc) -> str:
    """Return the prompt of a document, up to where the answer begins.

    Args:
        doc: The document.
    """
    return f"{doc['input']} {doc['gen_prefix']}"


class SyntheticTask(ABC):
    """A task that makes documents from units of text, such as sentences, words or passages.

    Attributes:
        name: The task's name.
        max_length: The number of tokens of a document, with the room for its answer.
        answer_tokens: The room for the answer.
        more_tokens: Tokens of every document that the counted text of its draft does not have.
        step: By how many units texts grow in RULER's own steps.
        fine_step: By how many units they grow below 4,096 tokens.
        least: The minimum number of units.
        redraws: How often a document of the minimum size is drawn again when it does not fit.
        samples: The number of documents.
        most: The maximum number of units; None without one.
        counts_beyond_most: Whether RULER counts the first text that is larger than ``most``.
        fills_room: Whether RULER lets the text itself fill the length, without room for the answer.
        shares_draws: Whether texts of all sizes are written from the same draws.
        data: A digest of the data behind the documents; empty without data.
    """

    name: str
    answer_tokens: int
    more_tokens: int = 0
    step: int
    fine_step: int = 1
    least: int = 1
    redraws: int = 0
    samples: int = 500
    most: int | None = None
    counts_beyond_most: bool = False
    fills_room: bool = False
    shares_draws: bool = False
    data: str = ""

    def __init__(self, max_length: int) -> None:
        """Set the length.

        Args:
            max_length: The number of tokens of a document, with the room for its answer.
        """
        self.max_length = max_length

    @abstractmethod
    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        """Draw a document.

        Args:
            units: The number of units of text.
            index: The number of the document.
            draws: The random generators.

        Returns:
            The draft.

        Raises:
            ValueError: So few units cannot hold what is hidden in them.
        """

    def prepare(self, counter: TokenCounter, draws: Draws) -> None:
        """Draw what all documents share; nothing by default.

        Args:
            counter: Counts tokens.
            draws: The random generators.
        """

    @property
    def fine(self) -> bool:
        """Whether texts are filled to the last unit; below 4,096 tokens RULER's steps leave up to half of it."""
        return self.max_length < _COARSE

    @property
    def room(self) -> int:
        """The tokens that counted texts leave free."""
        if self.fine:
            return self.answer_tokens + _MARGIN
        return self.more_tokens + (0 if self.fills_room else self.answer_tokens)

    def sizes(self, units: int, index: int) -> Iterator[int]:
        """List the sizes to try for a document, downwards.

        Args:
            units: The size that fits the first document.
            index: The number of the document.
        """
        size = units
        while True:
            yield size
            smaller = size - (self.fine_step if self.fine else self.step)
            if smaller < self.least:
                break
            size = smaller
        for _ in range(self.redraws):
            yield size

    @property
    def first(self) -> int:
        """The number of units at which the search begins."""
        return max(self.fine_step if self.fine else self.step, self.least)


def size_of(task: SyntheticTask, counter: TokenCounter, draws: Draws) -> int:
    """Find how many units fill the length.

    RULER counts ever larger texts until one is too long. The same random numbers are drawn here, but only the texts
    around the size to which the counts point are counted.

    Args:
        task: The task.
        counter: Counts tokens.
        draws: The generators; afterwards in the state in which RULER begins its documents.

    Returns:
        The number of units.
    """
    ladder = _Ladder(task, counter, draws)
    wanted = task.max_length - task.room
    if task.fine:
        place = ladder.first_reaching(wanted + 1)
        units = ladder.units(place) - (ladder.step if ladder.tokens(place) > wanted else 0)
        return max(min(units, task.most or units), task.least)
    place = ladder.first_reaching(wanted)
    ladder.leave_at(place)
    units, tokens = ladder.units(place), ladder.tokens(place)
    if tokens > wanted or (tokens == wanted and task.fills_room):
        units -= task.step
    elif tokens == wanted and not (task.counts_beyond_most and units > (task.most or units)):
        units += task.step
    elif task.most is not None:
        units = task.most
    return max(min(units, task.most or units), task.least)


def lengths(task: SyntheticTask, counter: TokenCounter, drawn: Sequence[tuple[Draft, Doc]]) -> list[int | None]:
    """Compute the length of documents with the room for their answers.

    Args:
        task: The task.
        counter: Counts tokens.
        drawn: Each document with its draft.

    Returns:
        The lengths in tokens; None for a document that does not fit.
    """
    counts = counter.count([whole(doc) if task.fine else draft.counted() for draft, doc in drawn])
    more = task.answer_tokens + (0 if task.fine else task.more_tokens)
    return [count + more if count + task.room <= task.max_length else None for count in counts]


def one_that_fits(
    task: SyntheticTask, counter: TokenCounter, draws: Draws, units: int, index: int = 0
) -> tuple[Doc, int] | None:
    """Draw a document in ever smaller sizes until it fits.

    Args:
        task: The task.
        counter: Counts tokens.
        draws: The random generators.
        units: The size that fits the first document.
        index: The number of the document.

    Returns:
        The document and its length; None if it fits in no size.
    """
    before = draws.keep()
    for size in task.sizes(units, index):
        if task.shares_draws:
            draws.restore(before)
        try:
            draft = task.draft(size, index, draws)
        except ValueError:
            continue
        drafted = draws.keep()
        doc = draft.finish(draws)
        (length,) = lengths(task, counter, [(draft, doc)])
        if length is not None:
            return doc, length
        draws.restore(drafted)
    return None


class _Ladder:
    """Texts of growing size, drawn one after the other and counted where the search looks."""

    def __init__(self, task: SyntheticTask, counter: TokenCounter, draws: Draws) -> None:
        self._task, self._counter, self._draws = task, counter, draws
        self.step = task.fine_step if task.fine else task.step
        self._start = draws.keep()
        self._drafts: list[Draft | None] = []
        self._after: list[tuple[Any, ...]] = []
        self._tokens: dict[int, int] = {}

    def units(self, place: int) -> int:
        return self._task.first + place * self.step

    def leave_at(self, place: int) -> None:
        """Set the generators to the state after the text at a place was drawn."""
        self._draws.restore(self._after[place])

    def tokens(self, place: int) -> int:
        """Count the text at a place."""
        while len(self._drafts) <= place:
            self._draw()
        if place not in self._tokens:
            draft = self._drafts[place]
            # A text that is too short for what is hidden in it is not full.
            self._tokens[place] = 0 if draft is None else self._counter.count([self._text(draft)])[0]
        return self._tokens[place]

    def _draw(self) -> None:
        if self._after:
            self._draws.restore(self._start if self._task.shares_draws else self._after[-1])
        try:
            self._drafts.append(self._task.draft(self.units(len(self._drafts)), 0, self._draws))
        except ValueError:
            self._drafts.append(None)
        self._after.append(self._draws.keep())

    def _text(self, draft: Draft) -> str:
        return whole(draft.finish(self._draws)) if self._task.fine else draft.sized()

    def first_reaching(self, wanted: int) -> int:
        """Return the first place whose text has at least this number of tokens; the last place if none has."""
        low, high = -1, self._last()
        while high - low > 1:
            place = self._guess(wanted, low, high)
            if self.tokens(place) >= wanted:
                high = place
            else:
                low = place
        self.tokens(high)
        return high

    def _last(self) -> int:
        """Return the last place: of the maximum number of units, and of a unit for every token."""
        task = self._task
        beyond = self.step if task.counts_beyond_most and not task.fine else 0
        most = min(task.max_length, task.max_length if task.most is None else task.most + beyond)
        return max(0, (most - self.units(0)) // self.step)

    def _guess(self, wanted: int, low: int, high: int) -> int:
        """Return the place between two others to which the counts point, by a line through the two nearest of them."""
        known = sorted(self._tokens, key=lambda place: abs(self._tokens[place] - wanted))
        if not known:
            return low + 1
        if len(known) > _SECANTS:
            return (low + high) // 2
        nearest = known[0]
        if len(known) == 1:
            slope = self.step * self._tokens[nearest] / self.units(nearest)
        else:
            slope = (self._tokens[known[1]] - self._tokens[nearest]) / (known[1] - nearest)
        place = nearest + (wanted - self._tokens[nearest]) / slope if slope > 0 else (low + high) / 2
        return max(low + 1, min(int(place), high - 1))
