from __future__ import annotations

from typing import Any

import pytest

from lm_eval.filters.extraction import MultiChoiceRegexFilter, POSFilter, RegexFilter, WhitespaceFilter

CHOICES = [{"choices": ["dog", "big Cat", "a mouse."]}]


@pytest.mark.parametrize(
    ("options", "response", "expected"),
    [
        ({}, "x #### 3,4. #### 5", "3,4."),
        ({}, "no number", "[invalid]"),
        ({}, None, "[invalid]"),
        ({"regex_pattern": r"(\d)", "group_select": -1}, "1 2 3", "3"),
        ({"regex_pattern": r"(\d)", "group_select": 5}, "1 2 3", "[invalid]"),
        ({"regex_pattern": r"(z)?(\d)"}, "a1", "1"),
        ({"regex_pattern": r"(z)?(q)?\d"}, "a1", "[invalid]"),
        ({"regex_pattern": r"\s*(.*)"}, "  x y ", "x y"),
        ({"regex_pattern": "z", "fallback": "F"}, "q", "F"),
    ],
)
def test_regex(options: dict[str, Any], response: Any, expected: str) -> None:
    assert RegexFilter(**options).apply([[response]], [{}]) == [[expected]]


@pytest.mark.parametrize(
    ("options", "response", "expected"),
    [
        ({}, "The answer is big Cat", "(B)"),
        ({}, "a mouse", "[invalid]"),
        ({}, ": B", "(B)"),
        ({}, ": D", "[invalid]"),
        ({}, "#### 12 dog", "12"),
        ({}, None, "[invalid]"),
        ({"ignore_case": True}, "the A Mouse.", "(C)"),
        ({"ignore_case": True}, ": b", "[invalid]"),
        ({"ignore_punctuation": True}, "a mouse", "(C)"),
        ({"regexes_to_ignore": ["x"]}, "dxog", "(A)"),
        ({"regex_pattern": r"(\([A-Z]\))"}, "Big cat is (C) no (A)", "(C)"),
        ({"group_select": -1}, "big Cat or dog", "(A)"),
        ({"regex_pattern": "(x)?"}, "dog", "(A)"),
    ],
)
def test_multi_choice_regex(options: dict[str, Any], response: Any, expected: str) -> None:
    assert MultiChoiceRegexFilter(**options).apply([[response]], CHOICES) == [[expected]]


def test_the_longer_of_two_choices_is_found() -> None:
    assert MultiChoiceRegexFilter().apply([["two dogs"]], [{"choices": ["dog", "dogs"]}]) == [["(B)"]]


def test_tags_are_read_from_pairs() -> None:
    responses = ["[('The', 'DT'), ('cat', 'NN')]", "none"]
    assert POSFilter().apply([responses], [{}]) == [[["DT", "NN"], ["invalid"]]]


def test_white_space_is_stripped_at_both_ends() -> None:
    assert WhitespaceFilter().apply([[" a b ", "\n c\t"]], [{}]) == [["a b", "c"]]
