"""Questions whose options are columns named by letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset


def collect_choices(dataset: Dataset, optional: str = "") -> Dataset:
    """Add ``questions``, ``choices`` and ``goal`` to rows with the columns A to D.

    Args:
        dataset: Rows with ``question``, the options, and the letter ``answer``.
        optional: Letters of further columns, which a row may leave empty or not have.

    Returns:
        The rows with the list of their options, and the number of the right one.
    """

    def add(row: Mapping[str, str | None]) -> dict[str, object]:
        letters = ["A", "B", "C", "D", *(letter for letter in optional if row.get(letter))]
        return {
            "questions": row["question"],
            "choices": [row[letter] for letter in letters],
            "goal": letters.index(str(row["answer"])),
        }

    return dataset.map(add)
