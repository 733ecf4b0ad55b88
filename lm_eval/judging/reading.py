"""Reading verdicts: the last grade in a judge's text, or the field of a JSON object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lm_eval.config.scorer import ScorerSpec, VerdictSpec
from lm_eval.judging.plain_letters import plain_letters

__all__ = ["VerdictReader", "as_json"]

_WORDS = "grade|verdict|rating|score|judge?ment|decision|winner|met|correct"
_WORDS_OF_ANSWERS = "answer|result"
"""Words that also begin a quote, as in ``Answer: I do not know``; a verdict after them ends its line."""
_NUMBER = r"-?\d+(?:\.\d+)?"
_DECORATION = r"[\s*_`\"'(\[{<:=]*"
_CODE_BLOCK = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)
_TRUTHS = {"true": "yes", "false": "no"}
_ENGLISH = frozenset("ai")
"""Labels that are words: ``GRADE: I would say`` has no verdict."""
_REASON = "because|since|as|is|was|wins|due|for|and|with"


class VerdictReader:
    """Reads the verdicts of one task."""

    def __init__(self, spec: ScorerSpec) -> None:
        """Compile the patterns.

        Args:
            spec: The ``scorer`` of the task.
        """
        self.verdict = spec.verdict
        self._own = None if spec.pattern is None else re.compile(spec.pattern)
        self._by_fold: dict[str, str] = {}
        for label in spec.verdict.labels:
            self._by_fold.setdefault(label.casefold(), label)
        if set(self._by_fold) == {"yes", "no"}:
            self._by_fold |= _TRUTHS
        self._patterns = _patterns(tuple(self._by_fold))

    def last(self, text: str) -> str | None:
        """Return the last verdict in a text.

        Without a pattern of the task, a verdict is a label or number after a word such as ``GRADE:``, or within
        ``[[ ]]``; where there is none, a last line that is nothing else.

        Args:
            text: What the judge wrote.

        Returns:
            A label, or the number of a scale as text; None if there is none.
        """
        if self._own is not None:
            found = list(self._own.finditer(text))
            return self.checked(found[-1][1]) if found else None
        marked, line, _ = self._patterns
        found = list(marked.finditer(text))
        if found:
            return self.checked(next(group for group in reversed(found[-1].groups()) if group is not None))
        lines = text.strip().splitlines()
        alone = line.fullmatch(lines[-1].strip()) if lines else None
        return self.checked(alone[1]) if alone else None

    def occurs(self, text: str) -> bool:
        """Whether a text contains something that could be read as a verdict, also if a judge writes it more plainly.

        Args:
            text: A text of the model under test.
        """
        return self._occurs(text) or self._occurs(plain_letters(text))

    def _occurs(self, text: str) -> bool:
        if self._own is not None:
            return self._own.search(text) is not None
        marked, line, _ = self._patterns
        return marked.search(text) is not None or any(line.fullmatch(each.strip()) for each in text.splitlines())

    @staticmethod
    def occurs_as_json(text: str) -> bool:
        """Whether a text contains something like an object with a verdict, which a judge could copy as its reply.

        Args:
            text: A text of the model under test.
        """
        plain = plain_letters(text)
        return "{" in plain and "verdict" in plain.casefold()

    def after_sign(self, text: str) -> str | None:
        """Return the verdict directly after a sign: marked as usual, or alone. What follows it may be a quote.

        Args:
            text: What follows the sign.

        Returns:
            As ``last``.
        """
        line = next(iter(text.strip().splitlines()), "")
        found = self._own.search(line) if self._own is not None else self._patterns[2].match(line)
        return self.checked(found[1]) if found else None

    def of_json(self, text: str, key: str = "verdict") -> tuple[str | None, str | None]:
        """Read a JSON object with a verdict and ``reasoning``.

        Args:
            text: What the judge wrote.
            key: The key of the verdict.

        Returns:
            The verdict and the reasoning; None for what is not there.
        """
        found = _object(text)
        value, reasoning = found.get(key), found.get("reasoning")
        written = str(value) if isinstance(value, str | int | float) else None
        return None if written is None else self.checked(written), reasoning if isinstance(reasoning, str) else None

    def checked(self, written: str | None) -> str | None:
        """Return the label that a text stands for, or the number of a scale; None if it is neither.

        Args:
            written: The text.
        """
        if written is None:
            return None
        if self.verdict.labels:
            return written if written in self.verdict.labels else self._by_fold.get(written.strip().casefold())
        number = re.fullmatch(_NUMBER, written.strip())
        value = float(written) if number else None
        return None if value is None or not self.verdict.low <= value <= self.verdict.high else f"{value:g}"

    def score(self, label: str) -> float:
        """Return the score of a verdict.

        Args:
            label: A label, or the number of a scale as text.
        """
        return self.verdict.labels[label] if self.verdict.labels else float(label)


@lru_cache(maxsize=64)
def _patterns(labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what finds a verdict after a word or in brackets, a line that is a verdict alone, and a start that is."""
    value = "|".join(map(_one, sorted(labels, key=len, reverse=True))) if labels else _NUMBER
    # A label does not end within a word, nor within a longer sign: A>B is not in A>B>C, and 1 not in 1.5.
    ends = r"(?![\w<>=])(?!\.\d)"
    after = rf"\b(?:\s+is)?\s*[*_`\"']*\s*[:=]{_DECORATION}"
    line_end = r"(?=[*_`\"')\].! \t]*(?:/[ \t]*\d+[ \t.]*)?$)"
    marked = (
        rf"\b(?:{_WORDS}){after}({value}){ends}|\[\[\s*({value})\s*\]\]"
        rf"|\b(?:{_WORDS_OF_ANSWERS}){after}({value}){ends}{line_end}"
    )
    alone = rf"[*_`\"'(\[\s]*({value})[*_`\"')\]\s.!]*(?:/\s*\d+)?"
    start = rf"{_DECORATION}(?:(?:{_WORDS}|{_WORDS_OF_ANSWERS}){after})?({value}){ends}"
    return re.compile(marked, re.I | re.M), re.compile(alone, re.I), re.compile(start, re.I)


def _one(label: str) -> str:
    """Return a pattern for a label; one that is an English word does not stand before another small word."""
    word = rf"(?![ \t]+(?!(?:{_REASON})\b)(?-i:[a-z]))" if label in _ENGLISH else ""
    return re.escape(label) + word


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object that a text is, also as a code block; empty where it is none.

    An object within other text does not count: the judge may quote it.
    """
    block = _CODE_BLOCK.fullmatch(text.strip())
    try:
        found = json.loads(block[1] if block else text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_json(verdict: VerdictSpec, key: str = "verdict") -> Mapping[str, object]:
    """Return the generation settings that make a server write a verdict as JSON, after its reasoning.

    Args:
        verdict: What the judge decides between.
        key: The key of the verdict.
    """
    value = {"type": "string", "enum": list(verdict.labels)} if verdict.labels else {"type": "number"}
    schema = {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, key: value},
        "required": ["reasoning", key],
        "additionalProperties": False,
    }
    named = {"name": "verdict", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
