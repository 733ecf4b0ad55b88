"""GroundCocoa: the question about five flights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs"]

_QUESTION = (
    "A user has specified certain criteria for booking a flight. Below are five different flight options labeled 'A', "
    "'B', 'C', 'D', and 'E'. Review these options and select the one that best matches the user requirements. Respond "
    "with a single option and the phrase 'The answer is Option ' followed by the correct letter - 'A', 'B', 'C', 'D', "
    "or 'E'\n\n"
)
_LETTERS = "ABCDE"


def process_docs(dataset: Dataset) -> Dataset:
    """Return rows with the question, the five answers and the right one.

    Args:
        dataset: Rows with ``query``, ``Option A`` to ``Option E`` and ``Answer``; they may be streamed.
    """
    from datasets import Dataset

    return Dataset.from_list([_row(doc) for doc in dataset])


def _row(doc: Mapping[str, Any]) -> dict[str, Any]:
    options = "\n".join(f"\n Option {letter}: {doc[f'Option {letter}']}" for letter in _LETTERS)
    return {
        "criteria": f"{_QUESTION}User Criteria: {doc['query']}\n{options}\n",
        "choices": [f"The answer is Option {letter}" for letter in _LETTERS],
        "gold": f"The answer is Option {doc['Answer']}",
    }
