"""The choice that a free response names: its letter, or else its text (Yue et al., MMMU, 2024)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

__all__ = ["BRACKETED_OR_ALONE", "named_choice"]

Forms = tuple[tuple[Callable[[str], str], Callable[[str], str]], ...]

_MARKS = ",.!?;:'"
_LONG = 5


def _alone(letter: str) -> str:
    return f" {letter} "


# How a letter is found, and how its last place is found.
_FORMS: Forms = (
    ("({})".format, "({})".format),
    ("{} ".format, _alone),
    ("{}.".format, _alone),
)
BRACKETED_OR_ALONE: Forms = (("({})".format, "({})".format), (_alone, _alone))
"""For responses whose letters count in parentheses and between spaces only."""


def named_choice(response: str, choices: Mapping[str, str], forms: Forms = _FORMS) -> str:
    """Return the letter of the choice that a response names last.

    A letter counts in parentheses, else before a space, else before a full stop. In a response of more than five words
    without such a letter, the text of a choice counts. A response that names none gets a letter by chance, from the
    generator that a run seeds, so that it is not worse than a guess.

    Args:
        response: The response.
        choices: From each letter to the text of its choice.
        forms: How a letter is found, and how its last place is found; by default those above.

    Returns:
        One of the letters.
    """
    for mark in _MARKS:
        response = response.strip(mark)
    text = f" {response} "
    for form, place in forms:
        if named := [letter for letter in choices if form(letter) in text]:
            return max(named, key=lambda letter: text.rfind(place(letter)))
    if len(text.split()) > _LONG:
        lower = text.lower()
        if named := [letter for letter, choice in choices.items() if choice.lower() in lower]:
            return max(named, key=lambda letter: lower.rfind(choices[letter].lower()))
    return random.choice(list(choices))
