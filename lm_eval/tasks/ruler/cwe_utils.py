"""Common words: a numbered list in which ten words stand more often than the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from lm_eval.api.token_counter import TokenCounter
from lm_eval.tasks.ruler.documents import MadeDocuments, made
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask
from lm_eval.tasks.ruler.words import single_words

__all__ = ["get_cw_dataset"]

_TEXT = (
    "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that"
    " appear most often.\n{context}\nQuestion: What are the 10 most common words in the above list?"
)
_ANSWER = " Answer: The top 10 words that appear most often in the list are:"
_COMMON = 10


def _numbered(words: Sequence[str]) -> str:
    return " ".join(f"{number}. {word}" for number, word in enumerate(words, 1))


class _CommonWords(SyntheticTask):
    """A word list; units are different words."""

    name = "ruler_cwe"
    answer_tokens = 120
    step = 10
    least = _COMMON
    redraws = 20

    def __init__(self, max_length: int) -> None:
        super().__init__(max_length)
        self._words = list(single_words())
        self.most = len(self._words)

    def prepare(self, counter: TokenCounter, draws: Draws) -> None:
        self._words = list(single_words())
        draws.own.shuffle(self._words)

    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        # Words of the example, and how often its common and its other words stand there; then those of the list.
        example, of_list = ((20, 3, 1), (units, 6, 1)) if self.fine else ((40, 10, 3), (units, 30, 3))
        solved, solution = self._list(*example, draws)
        words, common = self._list(*of_list, draws)

        def shown() -> str:
            return f"{_TEXT.format(context=_numbered(solved))}{_ANSWER}{_numbered(solution)}"

        @cache
        def text() -> str:
            return f"{_TEXT.format(context=_numbered(words))}{_ANSWER}"

        def finish(_: Draws) -> Doc:
            prompt = text().removesuffix(_ANSWER).strip()
            return {"input": prompt, "input_example": shown(), "outputs": common, "gen_prefix": _ANSWER.strip()}

        return Draft(lambda: f"{shown()}\n{text()} {_numbered(common)}", text, finish)

    def _list(self, different: int, often: int, seldom: int, draws: Draws) -> tuple[list[str], list[str]]:
        drawn = draws.plain.sample(self._words, different)
        common, others = drawn[:_COMMON], drawn[_COMMON:]
        words = common * often + others * seldom
        draws.own.shuffle(words)
        return words, common


def get_cw_dataset(**kwargs: Any) -> MadeDocuments:
    """Make the documents of ``ruler_cwe``.

    Args:
        **kwargs: The metadata of the task.
    """
    return made(_CommonWords, kwargs)
