"""BIG-bench: the rows that a multiple choice task can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


def filter_multiple_choice(dataset: Dataset) -> Dataset:
    """Keep the rows with choices; some subtasks have free answers too.

    Args:
        dataset: Rows with ``multiple_choice_targets``.

    Returns:
        The rows whose list of choices is not empty.
    """
    return dataset.filter(lambda row: len(row["multiple_choice_targets"]) > 0)
