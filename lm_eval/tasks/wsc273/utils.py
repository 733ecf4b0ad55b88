"""Winograd Schema Challenge: options that can stand for the pronoun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_doc"]

_POSSESSIVES = ("my", "his", "her", "our", "their")
# First words of options that are written small inside a sentence.
_COMMON = ("A", "An", "The", "She", "He", "It", "They", "My", "His", "Her", "Their")


def process_doc(dataset: Dataset) -> Dataset:
    """Write the options as they would stand in the place of the pronoun.

    Args:
        dataset: Rows with ``text``, ``pronoun``, ``pronoun_loc`` and two ``options``.
    """
    return dataset.map(_fitted)


def _fitted(doc: Mapping[str, Any]) -> dict[str, Any]:
    text = doc["text"].replace("  ", " ")
    starts = text[doc["pronoun_loc"] - 2] == "."
    possessive = doc["pronoun"].lower() in _POSSESSIVES
    return {"text": text, "options": [_option(option, starts, possessive) for option in doc["options"]]}


def _option(option: str, starts: bool, possessive: bool) -> str:
    if possessive:
        option += "'s"
    first = option.split()[0]
    return option.replace(first, first.lower()) if first in _COMMON and not starts else option
