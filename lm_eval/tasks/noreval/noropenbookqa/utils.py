"""NorOpenBookQA: the questions that come with a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def filter_dataset(dataset: Dataset) -> Dataset:
    """Return the rows whose fact is not empty.

    Args:
        dataset: Rows with ``fact``.
    """
    return dataset.filter(lambda doc: len(doc["fact"]) > 0)
