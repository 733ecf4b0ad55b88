"""Frequent words: a text of made-up words whose frequencies fall with the square of their rank."""

from __future__ import annotations

import math
import random
import string
from functools import cache
from typing import Any

from lm_eval.tasks.ruler.documents import MadeDocuments, made
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask

__all__ = ["fwe_download"]

_TEXT = (
    "Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared"
    " coded words. {context}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the"
    " three most frequently appeared words in the above coded text?"
)
_ANSWER = " Answer: According to the coded text above, the three most frequently appeared words are:"
_LETTERS = 6
_SEED = 42
_SUM_OF_SQUARES = math.pi**2 / 6
"""The sum of 1 / rank² over all ranks."""


class _FrequentWords(SyntheticTask):
    """A coded text; units are words."""

    name = "ruler_fwe"
    answer_tokens = 50
    fills_room = True
    shares_draws = True

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length)
        self.step = max(1, max_length // 32)

    @property
    def first(self) -> int:
        return self.max_length // _LETTERS

    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        different = self.max_length // 50
        drawn = ["".join(draws.plain.choices(string.ascii_lowercase, k=_LETTERS)) for _ in range(different)]
        while len(set(drawn)) < different:
            drawn.append("".join(draws.plain.choices(string.ascii_lowercase, k=_LETTERS)))
        ranked = sorted(set(drawn))
        random.Random(_SEED).shuffle(ranked)
        ranked[0] = "..."

        @cache
        def text() -> str:
            words: list[str] = []
            for rank, word in enumerate(ranked, 1):
                words += [word] * int(units * float(rank) ** -2.0 / _SUM_OF_SQUARES)
            random.Random(_SEED).shuffle(words)
            return f"{_TEXT.format(context=' '.join(words))}{_ANSWER}"

        def finish(_: Draws) -> Doc:
            prompt = text().removesuffix(_ANSWER).strip()
            return {"input": prompt, "outputs": ranked[1:4], "gen_prefix": _ANSWER.strip()}

        return Draft(text, text, finish)


def fwe_download(**kwargs: Any) -> MadeDocuments:
    """Make the documents of ``ruler_fwe``.

    Args:
        **kwargs: The metadata of the task.
    """
    return made(_FrequentWords, kwargs)
