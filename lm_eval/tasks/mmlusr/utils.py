"""Gives the rows of MMLU-SR the columns of MMLU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs"]


def process_docs(dataset: Dataset) -> Dataset:
    """Add the list of choices, and strip the letter of the right one.

    The files have no head line, so the task file names their columns. An empty cell is read as None.

    Args:
        dataset: Rows with ``choice1`` to ``choice4`` and ``answer``.

    Returns:
        The rows with ``choices`` and ``answer``.
    """
    return dataset.map(_with_choices)


def _with_choices(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "choices": [doc[f"choice{number}"] or "" for number in range(1, 5)],
        "answer": (doc["answer"] or "").strip(),
    }
