"""WinoGrande in Icelandic: the two halves of a sentence around its gap."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text"]


def doc_to_text(doc: Mapping[str, str]) -> int:
    """Return the index of the right option.

    Args:
        doc: A row whose ``answer`` is "1" or "2".
    """
    return ("1", "2").index(doc["answer"])


def doc_to_target(doc: Mapping[str, str]) -> str:
    """Return what follows the gap, after a space unless it is only a full stop.

    Args:
        doc: A row whose ``sentence`` has a gap, ``_``.
    """
    rest = doc["sentence"].partition("_")[2].strip()
    return rest if rest == "." else f" {rest}"


def doc_to_choice(doc: Mapping[str, str]) -> list[str]:
    """Return the beginning of the sentence with each option in the gap.

    Args:
        doc: A row with ``sentence``, ``option1`` and ``option2``.
    """
    start = doc["sentence"][: doc["sentence"].index("_")]
    return [start + doc["option1"], start + doc["option2"]]
