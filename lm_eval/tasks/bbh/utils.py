"""BIG-Bench Hard: filters that find an answer in free text, where a regex is not enough."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from lm_eval.api.filter import Filter
from lm_eval.api.registry import get_filter

_OPTION = re.compile(r"\([A-Z]\)([^\n^(]*)")

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_BY_TEN = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS = {word: value for value, word in enumerate(_BELOW_TWENTY.split())}
_TENS = {word: 10 * value for value, word in enumerate(_BY_TEN.split(), 2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORD = "|".join([*sorted([*_UNITS, *_TENS], key=len, reverse=True), "hundred", *_SCALES])
_ONE_WORD = re.compile(rf"\b(?:{_WORD})\b")
# Number words of one line, and what may separate them.
_NUMBER_WORDS = re.compile(
    rf"{_ONE_WORD.pattern}(?:(?:{_ONE_WORD.pattern}|[^\S\r\n]|,|and\b|&|-)*{_ONE_WORD.pattern})?"
)


class OptionFilter(Filter):
    """``multi_choice_regex`` for questions that list their options, ``(A) ...``, in the input."""

    one_by_one: ClassVar[bool] = True

    def __init__(self, **kwargs: Any) -> None:
        """Create the filter.

        Args:
            **kwargs: The options of ``multi_choice_regex``.
        """
        self._inner = get_filter("multi_choice_regex")(**kwargs)

    def apply(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> Iterable[Any]:
        """Find the option that each response names.

        Args:
            resps: The list of responses of each Instance.
            docs: Their docs, with ``input``.

        Returns:
            For each response ``(A)``, ``(B)``, … or the fallback.
        """
        return self._inner.apply(resps, [{"choices": _OPTION.findall(doc["input"])} for doc in docs])


class NumberFilter(Filter):
    """Extracts a number in digits; if there is none, a number in English words, as digits."""

    one_by_one: ClassVar[bool] = True

    def __init__(self, regex_pattern: str, group_select: int = 0, fallback: str = "[invalid]") -> None:
        """Create the filter.

        Args:
            regex_pattern: Matches a number in digits.
            group_select: Index of the match to take.
            fallback: The result for a response without a number.
        """
        self._digits = re.compile(regex_pattern)
        self._select = group_select
        self._fallback = fallback

    def apply(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> Iterable[Any]:
        """Find the number in each response.

        Args:
            resps: The list of responses of each Instance.
            docs: Ignored.

        Returns:
            A list of numbers, as text, for each Instance.
        """
        return [[self._number(response) for response in of_doc] for of_doc in resps]

    def _number(self, response: str) -> str:
        if digits := self._digits.findall(response):
            return str(digits[self._select]).strip()
        if words := _NUMBER_WORDS.findall(response.lower()):
            return str(_value(words[self._select]))
        return self._fallback


def _value(words: str) -> int:
    """Convert an English number: 'three hundred and forty-two' is 342; in 'two, three' the last one counts."""
    total = below_thousand = 0
    for word in _ONE_WORD.findall(words):
        if word in _SCALES:
            total += max(below_thousand, 1) * _SCALES[word]
            below_thousand = 0
        elif word == "hundred":
            below_thousand = max(below_thousand, 1) * 100
        else:
            value = _UNITS.get(word) or _TENS.get(word, 0)
            last_two = below_thousand % 100
            if last_two and not (last_two in _TENS.values() and value < 10):
                total = below_thousand = 0
            below_thousand += value
    return total + below_thousand


class WordOrderFilter(Filter):
    """Extracts the words of the list, in the order of their last occurrence in the response."""

    one_by_one: ClassVar[bool] = True

    def apply(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> Iterable[Any]:
        """Reduce each response to the words of its list.

        Args:
            resps: The list of responses of each Instance.
            docs: Their docs; ``input`` ends in ``List: word word ...``.

        Returns:
            The words of each response, joined by spaces.
        """
        return [
            [_in_last_order(doc["input"].split("List:")[1].split(), response) for response in of_doc]
            for of_doc, doc in zip(resps, docs, strict=True)
        ]


def _in_last_order(words: list[str], response: str) -> str:
    named = re.findall("|".join(rf"\b{re.escape(word)}\b" for word in words), response)
    return " ".join(reversed(dict.fromkeys(reversed(named))))
