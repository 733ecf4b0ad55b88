"""Variable tracking: a chain of assignments, hidden in repeated sentences after a solved example."""

from __future__ import annotations

import itertools
import string
from functools import cache
from typing import Any

from lm_eval.api.token_counter import TokenCounter
from lm_eval.errors import DatasetError
from lm_eval.tasks.ruler.documents import MadeDocuments, made
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask, one_that_fits, size_of

__all__ = ["get_vt_dataset"]

_TEXT = (
    "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n{context}\nQuestion: Find"
    " all variables that are assigned the value {query} in the text above."
)
_ANSWER = (
    " Answer: According to the chain(s) of variable assignment in the text above, {count} variables are assgined the"
    " value {query}, they are: "
)
_NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n"
_HOPS = 4
_EXAMPLE_TOKENS = 500


class _Chain(SyntheticTask):
    """A text with one chain."""

    name = "ruler_vt"
    answer_tokens = 30
    step = 10
    redraws = 20
    letters = 5

    def draft(self, units: int, index: int, draws: Draws) -> Draft:
        names = ["".join(draws.plain.choices(string.ascii_uppercase, k=self.letters)) for _ in range(_HOPS + 1)]
        value = str(draws.numpy.randint(10000, 99999))
        chain = [f"VAR {names[0]} = {value}", *(f"VAR {b} = VAR {a} " for a, b in itertools.pairwise(names))]
        lines = [_NOISE] * units
        if len(lines) <= len(chain):
            pieces = [piece for line in lines for piece in line.split(".")]
            lines = [f"{piece}." if piece.strip() else piece for piece in pieces]
        places = sorted(draws.plain.sample(range(len(lines)), len(chain)))

        @cache
        def text() -> str:
            mixed = list(lines)
            for number, (place, link) in enumerate(zip(places, chain, strict=True)):
                mixed.insert(place + number, link)
            return _TEXT.format(context=" ".join(mixed).replace(". \n", ".\n"), query=value)

        answer = _ANSWER.format(count=_HOPS + 1, query=value)
        return Draft(
            lambda: f"{text()}{answer} {names}",
            lambda: f"{text()}{answer}",
            lambda draws: self.finished(text(), answer, names, draws),
        )

    def finished(self, text: str, answer: str, names: list[str], draws: Draws) -> Doc:
        """Complete a document.

        Args:
            text: The text with the question.
            answer: The start of the answer.
            names: The variables of the chain.
            draws: The random generators.
        """
        return {"input": text, "outputs": names, "gen_prefix": answer.strip()}


class _Example(_Chain):
    """The solved example: shorter names, and at most 500 tokens."""

    step = 5
    letters = 3
    fine = False


class _VariableTracking(_Chain):
    """A document: the example with other names, then a text with a chain."""

    def prepare(self, counter: TokenCounter, draws: Draws) -> None:
        example = _Example(_EXAMPLE_TOKENS)
        found = one_that_fits(example, counter, draws, size_of(example, counter, draws))
        if found is None:
            raise DatasetError(f"{self.name}: the solved example does not fit {_EXAMPLE_TOKENS} tokens.")
        doc, _ = found
        self._before = f"{doc['input']} {doc['gen_prefix']} "
        self._names: list[str] = doc["outputs"]
        (self.more_tokens,) = counter.count([f"{self._before} {' '.join(self._names)}\n\n"])

    def finished(self, text: str, answer: str, names: list[str], draws: Draws) -> Doc:
        example = f"{self._before} {' '.join(self._names)}\n\n"
        for name in self._names:
            example = example.replace(name, "".join(draws.plain.choices(string.ascii_uppercase, k=len(name))))
        return {"input": f"{example}\n\n{text}", "outputs": names, "gen_prefix": answer.strip()}


def get_vt_dataset(**kwargs: Any) -> MadeDocuments:
    """Make the documents of ``ruler_vt``.

    Args:
        **kwargs: The metadata of the task.
    """
    return made(_VariableTracking, kwargs)
