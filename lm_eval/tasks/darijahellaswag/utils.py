"""HellaSwag in an Arabic dialect: the context after its activity, and the endings as choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs"]


def process_docs(dataset: Dataset) -> Dataset:
    """Add what the model is asked.

    Args:
        dataset: Rows with ``activity_label``, ``ctx``, ``endings`` and ``label``.

    Returns:
        The rows, with ``query``, ``choices`` and ``gold``.
    """
    return dataset.map(
        lambda doc: {
            "query": f"{doc['activity_label']}: {doc['ctx']}",
            "choices": doc["endings"],
            "gold": int(doc["label"]),
        }
    )
