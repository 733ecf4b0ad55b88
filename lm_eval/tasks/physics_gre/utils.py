"""Physics GRE: the questions without images that have an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs"]


def process_docs(dataset: Dataset) -> Dataset:
    """Keep the questions that can be scored, and list their choices.

    Args:
        dataset: Rows with ``input``, ``has_image`` and ``target_scores``, which hold 1 for the right letter.

    Returns:
        Rows with ``input``, ``choices`` and ``gold``.
    """
    return dataset.filter(_has_answer).map(_with_choices)


def _has_answer(doc: Mapping[str, Any]) -> bool:
    scores = doc["target_scores"]
    return not doc["has_image"] and scores is not None and 1 in scores.values()


def _with_choices(doc: Mapping[str, Any]) -> dict[str, Any]:
    scores = doc["target_scores"]
    return {"input": doc["input"].strip(), "choices": list(scores), "gold": list(scores.values()).index(1)}
