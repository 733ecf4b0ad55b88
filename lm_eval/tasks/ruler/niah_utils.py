"""Needles in a haystack: sentences with a key and a value, hidden in repeated sentences, essays or other needles."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from lm_eval.tasks.ruler.documents import MadeDocuments, made
from lm_eval.tasks.ruler.essays import haystack_words, sentences
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask
from lm_eval.tasks.ruler.words import pairs

__all__ = [
    "niah_multikey_1",
    "niah_multikey_2",
    "niah_multikey_3",
    "niah_multiquery",
    "niah_multivalue",
    "niah_single_1",
    "niah_single_2",
    "niah_single_3",
]

_NEEDLE = "One of the special magic {kind} for {key} is: {value}."
_REPEATED = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
_ONE = (
    "A special magic {kind} is hidden within the following text. Make sure to memorize it. I will quiz you about the"
    " {kind} afterwards.\n{context}\nWhat is the special magic {kind} for {query} mentioned in the provided text?"
)
_SEVERAL = (
    "Some special magic {kind} are hidden within the following text. Make sure to memorize it. I will quiz you about"
    " the {kind} afterwards.\n{context}\nWhat are all the special magic {kind} for {query} mentioned in the provided"
    " text?"
)
_DEPTHS = [round(100 * place / 39) for place in range(40)]
_SEED_OF_ORDER = 42


class _Kind(NamedTuple):
    """A kind of task: where needles are hidden, what they hold, and how many there are."""

    haystack: str
    key: str = "words"
    value: str = "numbers"
    keys: int = 1
    values: int = 1
    queries: int = 1


_KINDS = {
    "niah_single_1": _Kind("repeat"),
    "niah_single_2": _Kind("essay"),
    "niah_single_3": _Kind("essay", value="uuids"),
    "niah_multikey_1": _Kind("essay", keys=4),
    "niah_multikey_2": _Kind("needle"),
    "niah_multikey_3": _Kind("needle", key="uuids", value="uuids"),
    "niah_multivalue": _Kind("essay", values=4),
    "niah_multiquery": _Kind("essay", keys=4, queries=4),
}


def _draw(kind: str, draws: Draws) -> str:
    if kind == "numbers":
        return str(draws.plain.randint(10**6, 10**7 - 1))
    if kind == "words":
        return draws.plain.choice(pairs())
    return str(uuid.UUID(int=draws.plain.getrandbits(128), version=4))


class _Needles(SyntheticTask):
    """Documents of one kind."""

    answer_tokens = 128

    def __init__(self, max_length: int, name: str) -> None:
        super().__init__(max_length)
        self.name, self._kind = name, _KINDS[name]
        self.least = self._kind.keys * self._kind.values
        self.step, self.fine_step = (500, 10) if self._kind.haystack == "essay" else (25, 1)
        if self._kind.haystack == "essay":
            words = haystack_words()
            self.most, self.counts_beyond_most = len(words), True
            self.data = hashlib.sha256(" ".join(words).encode()).hexdigest()

    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        kind = self._kind
        keys: list[str] = []
        values: list[list[str]] = []
        for _ in range(kind.keys):
            keys.append(_draw(kind.key, draws))
            values.append([_draw(kind.value, draws) for _ in range(kind.values)])
        needles = [
            _NEEDLE.format(kind=kind.value, key=key, value=value)
            for key, several in zip(keys, values, strict=True)
            for value in several
        ]
        random.Random(_SEED_OF_ORDER).shuffle(needles)
        context = (self._essay if kind.haystack == "essay" else self._lines)(units, needles, draws)
        asked = draws.plain.sample(range(kind.keys), kind.queries)
        answers = [value for place in asked for value in values[place]]
        *others, last = [keys[place] for place in asked]
        query = f"{', '.join(others)}, and {last}" if others else last
        one = kind.queries * kind.values == 1
        noun = kind.value[:-1] if one else kind.value

        @cache
        def text() -> str:
            return (_ONE if one else _SEVERAL).format(kind=noun, context=context(), query=query)

        verb = "is" if one else "are"
        prefix = f"The special magic {noun} for {query} mentioned in the provided text {verb}"

        def finish(_: Draws) -> Doc:
            return {"input": text(), "outputs": answers, "gen_prefix": prefix}

        return Draft(lambda: text() + " ".join(answers), text, finish)

    def _essay(self, words: int, needles: list[str], draws: Draws) -> Callable[[], str]:
        """Hide needles between the sentences of essays."""
        depths = sorted(draws.plain.sample(_DEPTHS, len(needles)))

        def write() -> str:
            parts = sentences(words)
            # Each needle follows the sentences above its depth.
            ends = sorted(int(len(parts) * (depth / 100)) for depth in depths)
            pieces: list[str] = []
            for start, end, needle in zip([0, *ends], ends, needles, strict=False):
                pieces += [" ".join(parts[start:end]), needle]
            return " ".join([*pieces, " ".join(parts[ends[-1] :])])

        return write

    def _lines(self, units: int, needles: list[str], draws: Draws) -> Callable[[], str]:
        """Hide needles between lines: a repeated one, or needles with other keys."""
        kind = self._kind
        count = units if kind.haystack == "needle" else 0
        others = [(_draw(kind.key, draws), _draw(kind.value, draws)) for _ in range(count)]
        places = sorted(draws.plain.sample(range(units), len(needles)), reverse=True)

        def write() -> str:
            lines = [_NEEDLE.format(kind=kind.value, key=key, value=value) for key, value in others]
            lines = lines or [_REPEATED] * units
            for place, needle in zip(places, needles, strict=True):
                lines.insert(place, needle)
            return "\n".join(lines)

        return write


def _dataset(name: str, **metadata: Any) -> MadeDocuments:
    return made(partial(_Needles, name=name), metadata)


niah_single_1 = partial(_dataset, "niah_single_1")
niah_single_2 = partial(_dataset, "niah_single_2")
niah_single_3 = partial(_dataset, "niah_single_3")
niah_multikey_1 = partial(_dataset, "niah_multikey_1")
niah_multikey_2 = partial(_dataset, "niah_multikey_2")
niah_multikey_3 = partial(_dataset, "niah_multikey_3")
niah_multivalue = partial(_dataset, "niah_multivalue")
niah_multiquery = partial(_dataset, "niah_multiquery")
