"""The marks that HellaSwag's texts from WikiHow have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset


def without_marks(text: str) -> str:
    """Remove the marks in brackets; a mark of a title becomes a full stop.

    Args:
        text: A text of HellaSwag, or of a benchmark that is cleaned the same way.

    Returns:
        The text without spaces at its ends and without marks, pairs of spaces as one space.
    """
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def hellaswag_question(label: str, start: str, end: str) -> str:
    """Write an activity and its unfinished description as one text.

    Args:
        label: The activity.
        start: The description up to its last sentence.
        end: The unfinished sentence, which may be empty.
    """
    return without_marks(f"{label}: {start} {end.capitalize()}")


def hellaswag_rows(dataset: Dataset) -> Dataset:
    """Add what HellaSwag's templates need.

    Args:
        dataset: Rows with ``activity_label``, ``ctx_a``, ``ctx_b``, ``endings`` and ``label``.

    Returns:
        The rows with ``query``, ``choices`` and ``gold``.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        return {
            **doc,
            "query": hellaswag_question(doc["activity_label"], doc["ctx_a"], doc["ctx_b"]),
            "choices": [without_marks(ending) for ending in doc["endings"]],
            "gold": int(doc["label"]),
        }

    return dataset.map(change)
