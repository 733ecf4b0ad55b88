"""The text of a row of Paloma."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["doc_to_target"]


def doc_to_target(doc: Mapping[str, object]) -> str:
    """Return the text that is scored.

    Args:
        doc: A row with ``text``.
    """
    return str(doc["text"])
