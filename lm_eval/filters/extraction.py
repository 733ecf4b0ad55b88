"""Filters that take the answer out of a longer response."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter

__all__ = ["Filter", "MultiChoiceRegexFilter", "POSFilter", "RegexFilter", "WhitespaceFilter"]

_NUMBER_AFTER_HASHES = r"#### (\-?[0-9\.\,]+)"
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def _select(pattern: re.Pattern[str], text: str, index: int) -> str | None:
    """Return one of all matches, of several groups the first that is not empty; None when there is none."""
    found = pattern.findall(text)
    if not -len(found) <= index < len(found):
        return None
    match = found[index]
    if isinstance(match, tuple):
        match = next((group for group in match if group), None)
    return match.strip() if match is not None else None


@register_filter("regex")
class RegexFilter(Filter):
    """Keep what a regular expression finds in each response."""

    def __init__(
        self, regex_pattern: str = _NUMBER_AFTER_HASHES, group_select: int = 0, fallback: str = "[invalid]"
    ) -> None:
        """Say what to look for.

        Args:
            regex_pattern: The pattern; with groups, the first that is not empty is kept.
            group_select: Which of all matches to keep; -1 is the last.
            fallback: What stands for a response without such a match.
        """
        self.regex_pattern = regex_pattern
        self.regex = re.compile(regex_pattern)
        self.group_select = group_select
        self.fallback = fallback

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """Replace each response by its match; anything but text counts as empty.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The matches of each Instance.
        """
        return [[self._extract(response) for response in entry] for entry in resps]

    def _extract(self, response: Any) -> str:
        match = _select(self.regex, response if isinstance(response, str) else "", self.group_select)
        return self.fallback if match is None else match


@register_filter("multi_choice_regex")
class MultiChoiceRegexFilter(RegexFilter):
    """Find which choice a response names, by a pattern, by the choice's text, or by its letter after a colon.

    The choices come from ``doc["choices"]``; a choice found by its text or letter is given as ``(A)``, ``(B)``, …
    """

    def __init__(
        self,
        regex_pattern: str = _NUMBER_AFTER_HASHES,
        group_select: int = 0,
        fallback: str = "[invalid]",
        ignore_case: bool = False,
        ignore_punctuation: bool = False,
        regexes_to_ignore: Sequence[str] | None = None,
    ) -> None:
        """Say what to look for.

        Args:
            regex_pattern: Tried first, on the response as it is.
            group_select: Which of all matches to keep; -1 is the last.
            fallback: What stands for a response that names no choice.
            ignore_case: Look for choice texts in lower case.
            ignore_punctuation: Look for choice texts without punctuation.
            regexes_to_ignore: Patterns removed before looking for choice texts.
        """
        super().__init__(regex_pattern, group_select, fallback)
        self.ignore_case = ignore_case
        self.ignore_punctuation = ignore_punctuation
        self.regexes_to_ignore = [re.compile(pattern) for pattern in regexes_to_ignore or ()]

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """Replace each response by the choice it names.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs, each with its ``choices``.

        Returns:
            The choices of each Instance.
        """
        return [self._choices_named(entry, doc) for entry, doc in zip(resps, docs, strict=False)]

    def _choices_named(self, responses: Sequence[Any], doc: dict[str, Any]) -> list[str]:
        letters = [chr(ord("A") + index) for index in range(len(doc["choices"]))]
        by_text = {
            self._clean(str(choice).strip()): f"({letter})"
            for choice, letter in zip(doc["choices"], letters, strict=True)
        }
        # The longest first, so that a choice that begins another does not hide it.
        texts = re.compile("|".join(re.escape(text) for text in sorted(by_text, key=len, reverse=True)))
        after_colon = re.compile(rf":[\s]*({'|'.join(letters)})")
        return [self._choice_named(response, texts, by_text, after_colon) for response in responses]

    def _choice_named(
        self, response: Any, texts: re.Pattern[str], by_text: dict[str, str], after_colon: re.Pattern[str]
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
class POSFilter(Filter):
    """Keep the tags of a response that lists ``('word', 'TAG')`` pairs."""

    _PAIR = re.compile(r"\('[^']*', '([^']*)'\)")

    def __init__(
        self, regex_pattern: str = r"\['(.*?)'\]", group_select: int = 0, fallback: Sequence[str] | None = None
    ) -> None:
        r"""Say what stands for a response without pairs.

        Args:
            regex_pattern: Accepted and not used: pairs are always looked for.
            group_select: Accepted and not used.
            fallback: The tags of a response without pairs; ``["invalid"]`` unless given.
        """
        self.fallback = ["invalid"] if fallback is None else fallback

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """Replace each response by the list of its tags.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The tag lists of each Instance.
        """
        return [[self._tags(response) or self.fallback for response in entry] for entry in resps]

    def _tags(self, response: Any) -> list[str]:
        return self._PAIR.findall(response) if isinstance(response, str) else []


@register_filter("remove_whitespace")
class WhitespaceFilter(Filter):
    """Strip white space off both ends of each response."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Strip each response.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            The stripped responses of each Instance.
        """
        return [[response.strip() for response in entry] for entry in resps]
