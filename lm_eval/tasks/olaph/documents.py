"""OLAPH: the documents that are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def process_docs(dataset: Dataset) -> Dataset:
    """Return the first tenth of the questions, rounded down.

    Args:
        dataset: All questions.
    """
    return dataset.select(range(int(0.1 * len(dataset))))
