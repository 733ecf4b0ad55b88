"""The marks that HellaSwag's texts from WikiHow have."""

from __future__ import annotations

import re


def without_marks(text: str) -> str:
    """Remove the marks in brackets; a mark of a title becomes a full stop.

    Args:
        text: A text of HellaSwag, or of a benchmark that is cleaned the same way.

    Returns:
        The text without spaces at its ends and without marks, pairs of spaces as one space.
    """
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")
