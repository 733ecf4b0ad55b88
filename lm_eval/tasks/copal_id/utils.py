"""COPAL-ID: a premise with a connective, and two continuations."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["doc_to_choice", "doc_to_text_id"]

_CONNECTIVES = {"cause": "karena", "effect": "maka"}


def doc_to_text_id(doc: Mapping[str, str]) -> str:
    """Return the premise without its full stop, and the Indonesian connective of the question.

    Args:
        doc: A row with ``premise`` and ``question``.
    """
    return f"{doc['premise'].strip()[:-1]} {_CONNECTIVES[doc['question']]}"


def doc_to_choice(doc: Mapping[str, str]) -> list[str]:
    """Return the two continuations, each with a small first letter.

    Args:
        doc: A row with ``choice1`` and ``choice2``.
    """
    return [choice[0].lower() + choice[1:] for choice in (doc["choice1"], doc["choice2"])]
