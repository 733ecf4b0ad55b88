"""Prompts of COPA and its translations: a premise, a connector, and two sentences that may follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["convert_choice", "doc_to_choice", "doc_to_text"]


def convert_choice(choice: str) -> str:
    """Return a sentence with a small first letter.

    Args:
        choice: The sentence.
    """
    return choice[0].lower() + choice[1:]


def doc_to_text(doc: Mapping[str, Any], connector: Mapping[str, str]) -> str:
    """Write a premise, without its full stop, and the connector.

    Args:
        doc: A row with ``premise`` and ``question``, cause or effect.
        connector: The word for each kind of question.
    """
    return f"{doc['premise'].strip()[:-1]} {connector[doc['question']]}"


def doc_to_choice(doc: Mapping[str, Any]) -> list[str]:
    """Return the two sentences.

    Args:
        doc: A row with ``choice1`` and ``choice2``.
    """
    return [convert_choice(doc["choice1"]), convert_choice(doc["choice2"])]
