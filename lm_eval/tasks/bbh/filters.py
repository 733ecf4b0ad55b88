"""The filters of BIG-Bench Hard under the names that task folders import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval.filters.extraction import RegexFilter
from lm_eval.tasks.bbh.utils import NumberFilter
from lm_eval.tasks.bbh.utils import OptionFilter as MultiChoiceRegexFilter
from lm_eval.tasks.bbh.utils import WordOrderFilter as WordSortFilter

__all__ = [
    "ExtendedRegexFilter",
    "MapRegexFilter",
    "MultiChoiceRegexFilter",
    "NumberParseRegexFilter",
    "WordSortFilter",
]

_NUMBER_AFTER_HASHES = r"#### (\-?[0-9\.\,]+)"


class ExtendedRegexFilter(RegexFilter):
    """A base for filters that ignore case, punctuation or parts of a response."""

    def __init__(
        self,
        regex_pattern: str = _NUMBER_AFTER_HASHES,
        group_select: int = 0,
        fallback: str = "[invalid]",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        regexes_to_ignore: Sequence[str] | None = None,
    ) -> None:
        """Set the pattern and what is ignored.

        Args:
            regex_pattern: The pattern.
            group_select: Index of the match to keep.
            fallback: Result for a response without a match.
            ignore_case: Look at the response in lower case.
            ignore_punctuation: Remove all that Unicode calls punctuation.
            regexes_to_ignore: Patterns whose matches are removed.
        """
        super().__init__(regex_pattern, group_select, fallback)
        self.ignore_case = ignore_case
        self.ignore_punctuation = ignore_punctuation
        self.regexes_to_ignore = regexes_to_ignore

    def filter_ignores(self, st: str) -> str:
        """Return a text without what is ignored.

        Args:
            st: The text.
        """
        import unicodedata

        for pattern in self.regexes_to_ignore or ():
            st = re.sub(pattern, "", st)
        text = st.lower() if self.ignore_case else st
        if not self.ignore_punctuation:
            return text
        return "".join(sign for sign in text if not unicodedata.category(sign).startswith("P"))

    def find_match(self, regex: re.Pattern[str], resp: str, convert_dict: Mapping[str, str] | None = None) -> Any:
        """Return the match of a pattern in a text.

        Args:
            regex: The pattern; of its groups, the first that is not empty counts.
            resp: The text.
            convert_dict: Replaces a match that it has.

        Returns:
            The match without white space around it; an empty list if there is none.

        Raises:
            IndexError: There are matches, but not as many as ``group_select`` asks for.
        """
        found = regex.findall(resp)
        if not found:
            return found
        match = found[self.group_select]
        text: str = next(group for group in match if group) if isinstance(match, tuple) else match
        text = text.strip()
        return (convert_dict or {}).get(text, text) if text else text


class MapRegexFilter(ExtendedRegexFilter):
    """Replaces a response by the value of the first pattern that matches in it."""

    def __init__(
        self,
        regex_pattern_to_value: Mapping[str, object] | None = None,
        group_select: int = 0,
        fallback: str = "[invalid]",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        regexes_to_ignore: Sequence[str] | None = None,
    ) -> None:
        """Set the patterns and what is ignored.

        Args:
            regex_pattern_to_value: Pattern to value.
            group_select: Which match of all patterns together decides.
            fallback: Result for a response without a match.
            ignore_case: Look at the response in lower case.
            ignore_punctuation: Remove all that Unicode calls punctuation.
            regexes_to_ignore: Patterns whose matches are removed.
        """
        patterns = dict(regex_pattern_to_value or {})
        super().__init__("|".join(patterns), group_select, fallback, ignore_case, ignore_punctuation, regexes_to_ignore)
        self.regex_to_value = {re.compile(pattern): value for pattern, value in patterns.items()}

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[Any]) -> list[list[Any]]:
        """Replace the responses.

        Args:
            resps: The responses of each Instance.
            docs: Ignored.

        Returns:
            The values of each Instance.
        """
        return [[self._value(response) for response in responses] for responses in resps]

    def _value(self, response: str) -> object:
        found = self.find_match(self.regex, self.filter_ignores(response))
        if not found:
            return self.fallback
        text = self.filter_ignores(found)
        matching = (value for pattern, value in self.regex_to_value.items() if self.find_match(pattern, text))
        # A value such as False or 0 counts as no match, as in the reference harness.
        return next(matching, None) or self.fallback


class NumberParseRegexFilter(NumberFilter):
    """Extracts a number in digits; if there is none, a number in English words, as digits."""

    def __init__(
        self,
        regex_pattern: str = _NUMBER_AFTER_HASHES,
        group_select: int = 0,
        fallback: str = "[invalid]",
        **ignored: object,
    ) -> None:
        """Create the filter.

        Args:
            regex_pattern: Matches a number in digits.
            group_select: Index of the match to take.
            fallback: The result for a response without a number.
            **ignored: What the other filters ignore; this one looks at the response itself.
        """
        super().__init__(regex_pattern, group_select, fallback)
