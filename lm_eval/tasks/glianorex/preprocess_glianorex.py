"""Glianorex: questions about an invented organ, in English and French."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["doc_to_target", "doc_to_text", "filter_english", "filter_french"]


def doc_to_text(doc: Mapping[str, Any]) -> str:
    """Return the question with its options.

    Args:
        doc: A row with ``question`` and ``options``, letter to text.
    """
    options = "".join(f"{letter}. {text}\n" for letter, text in doc["options"].items())
    return f"Question: {doc['question']}\n{options}Answer:"


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """Return the letter of the right option.

    Args:
        doc: A row with ``answer_idx``.
    """
    letter: str = doc["answer_idx"]
    return letter


def filter_english(dataset: Dataset) -> Dataset:
    """Keep the English rows.

    Args:
        dataset: Rows with ``language``.
    """
    return dataset.filter(lambda doc: doc["language"].startswith("en"))


def filter_french(dataset: Dataset) -> Dataset:
    """Keep the French rows.

    Args:
        dataset: Rows with ``language``.
    """
    return dataset.filter(lambda doc: doc["language"].startswith("fr"))
