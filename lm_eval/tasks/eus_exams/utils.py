"""EusExams: the questions that can be scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def process_docs(dataset: Dataset) -> Dataset:
    """Keep the questions that have a right answer and candidates.

    Args:
        dataset: Rows with ``answer`` and four ``candidates``.
    """
    return dataset.filter(lambda doc: doc["answer"] in range(4) and doc["candidates"] != [""] * 4)
