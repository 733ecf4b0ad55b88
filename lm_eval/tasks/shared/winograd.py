"""Sentences with a gap, of WinoGrande and XWinograd: each choice fills the gap, and the rest is scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text"]


def doc_to_text(doc: Mapping[str, Any]) -> int:
    """Return the index of the right choice.

    Args:
        doc: A row with ``answer``, 1 or 2 as text.
    """
    return ["1", "2"].index(doc["answer"])


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """Return the rest of the sentence.

    Args:
        doc: A row with ``sentence``, which has ``_`` for the gap.
    """
    return _halves(doc)[1].strip()


def doc_to_choice(doc: Mapping[str, Any]) -> list[str]:
    """Return the start of the sentence with each choice.

    Args:
        doc: A row with ``sentence``, ``option1`` and ``option2``.
    """
    start = _halves(doc)[0]
    return [start + doc["option1"], start + doc["option2"]]


def _halves(doc: Mapping[str, Any]) -> list[str]:
    halves: list[str] = doc["sentence"].split("_", 1)
    return halves
