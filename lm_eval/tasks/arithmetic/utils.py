"""Arithmetic: rows as the prompts of the tasks have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset


def process_docs(dataset: Dataset) -> Dataset:
    """Write out ``Q:`` and ``A:``, and remove white space around the context and empty lines in it.

    Args:
        dataset: Rows with ``context`` and ``completion``.
    """
    return dataset.map(lambda doc: {"context": _context(doc), "completion": doc["completion"]})


def _context(doc: dict[str, Any]) -> str:
    text: str = doc["context"]
    return text.strip().replace("\n\n", "\n").replace("Q:", "Question:").replace("A:", "Answer:")
