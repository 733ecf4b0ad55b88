"""Filters that extract the answer from a longer response."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from typing import ClassVar

from lm_eval.api.filter import Filter, ResponseFilter
from lm_eval.api.instance import Doc
from lm_eval.api.registry import register_filter
from lm_eval.config.task import compiled
from lm_eval.errors import ConfigError

__all__ = ["Filter", "MultiChoiceRegexFilter", "POSFilter", "RegexFilter", "WhitespaceFilter"]

_NUMBER_AFTER_HASHES = r"#### (\-?[0-9\.\,]+)"
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _select(pattern: re.Pattern[str], text: str, index: int) -> str | None:
    """Return one of the matches (its first group that is not empty); None when there is none."""
    found = pattern.findall(text)
    if not -len(found) <= index < len(found):
        return None
    match = found[index]
    if isinstance(match, tuple):
        match = next((group for group in match if group), None)
    return match.strip() if match is not None else None


@register_filter("regex")
class RegexFilter(ResponseFilter):
    """Keep the match of a regular expression in each response."""

    def __init__(
        self, regex_pattern: str = _NUMBER_AFTER_HASHES, group_select: int = 0, fallback: str = "[invalid]"
    ) -> None:
        """Set the pattern.

        Args:
            regex_pattern: The pattern; of its groups, the first that is not empty is kept.
            group_select: Index of the match to keep; -1 is the last.
            fallback: Result for a response without such a match.

        Raises:
            ConfigError: The pattern is no regular expression, or ``group_select`` no whole number.
        """
        if not isinstance(group_select, int) or isinstance(group_select, bool):
            raise ConfigError(f"group_select is a whole number, not {group_select!r}.")
        self.regex_pattern = regex_pattern
        self.regex = compiled("regex_pattern", regex_pattern)
        self.group_select = group_select
        self.fallback = fallback

    def transform(self, response: object) -> str:
        """Return the match in the response; anything but text counts as empty."""
        match = _select(self.regex, response if isinstance(response, str) else "", self.group_select)
        return self.fallback if match is None else match


@register_filter("multi_choice_regex")
class MultiChoiceRegexFilter(RegexFilter):
    """Find the choice that a response names: by a pattern, by the text of the choice, or by its letter after a colon.

    The choices are in ``doc["choices"]``. A choice found by its text or letter is returned as ``(A)``, ``(B)``, …
    """

    one_by_one: ClassVar[bool] = True

    def __init__(
        self,
        regex_pattern: str = _NUMBER_AFTER_HASHES,
        group_select: int = 0,
        fallback: str = "[invalid]",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        regexes_to_ignore: Sequence[str] | None = None,
    ) -> None:
        """Set the pattern and how texts are compared.

        Args:
            regex_pattern: Tried first, on the unchanged response.
            group_select: Index of the match to keep; -1 is the last.
            fallback: Result for a response that names no choice.
            ignore_case: Compare texts of choices in lower case.
            ignore_punctuation: Compare texts of choices without punctuation.
            regexes_to_ignore: Patterns whose matches are removed before texts are compared.
        """
        super().__init__(regex_pattern, group_select, fallback)
        self.ignore_case = ignore_case
        self.ignore_punctuation = ignore_punctuation
        self.regexes_to_ignore = [compiled("regexes_to_ignore", pattern) for pattern in regexes_to_ignore or ()]

    def apply(self, resps: Iterable[Sequence[object]], docs: Sequence[Doc]) -> list[list[str]]:
        """Replace each response by the choice it names.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance, with its ``choices``.

        Returns:
            The choices of each Instance.
        """
        return [self._choices_named(entry, doc) for entry, doc in zip(resps, docs, strict=False)]

    def _choices_named(self, responses: Sequence[object], doc: Doc) -> list[str]:
        letters = [chr(ord("A") + index) for index in range(len(doc["choices"]))]
        by_text = {
            self._clean(str(choice).strip()): f"({letter})"
            for choice, letter in zip(doc["choices"], letters, strict=True)
        }
        # The longest first: otherwise a choice that is the start of another one would hide it.
        texts = re.compile("|".join(re.escape(text) for text in sorted(by_text, key=len, reverse=True)))
        after_colon = re.compile(rf":[\s]*({'|'.join(letters)})")
        return [self._choice_named(response, texts, by_text, after_colon) for response in responses]

    def _choice_named(
        self, response: object, texts: re.Pattern[str], by_text: dict[str, str], after_colon: re.Pattern[str]
    ) -> str:
        text = response if isinstance(response, str) else ""
        found = _select(self.regex, text, self.group_select)
        if found:
            return found
        named = _select(texts, self._clean(text), self.group_select)
        if named:
            return by_text.get(named, named)
        letter = _select(after_colon, text, self.group_select)
        return f"({letter})" if letter else self.fallback

    def _clean(self, text: str) -> str:
        for pattern in self.regexes_to_ignore:
            text = pattern.sub("", text)
        if self.ignore_case:
            text = text.lower()
        return text.translate(_PUNCTUATION) if self.ignore_punctuation else text


@register_filter("regex_pos")
class POSFilter(ResponseFilter):
    """Keep the tags of a response that lists ``('word', 'TAG')`` pairs."""

    _PAIR = re.compile(r"\('[^']*', '([^']*)'\)")

    def __init__(
        self, regex_pattern: str = r"\['(.*?)'\]", group_select: int = 0, fallback: Sequence[str] | None = None
    ) -> None:
        r"""Set the result for a response without pairs.

        Args:
            regex_pattern: Ignored; kept for compatibility with the reference harness.
            group_select: Ignored, like ``regex_pattern``.
            fallback: Tags of a response without pairs; None takes ``["invalid"]``.
        """
        self.fallback = ["invalid"] if fallback is None else fallback

    def transform(self, response: object) -> Sequence[str]:
        """Return the tags in the response."""
        tags: list[str] = self._PAIR.findall(response) if isinstance(response, str) else []
        return tags or self.fallback


@register_filter("remove_whitespace")
class WhitespaceFilter(ResponseFilter):
    """Strip white space from both ends of each response."""

    def transform(self, response: str) -> str:
        """Return the stripped response."""
        return response.strip()
