"""Moral Stories: which of two actions is the moral one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs"]


def process_docs(dataset: Dataset) -> Dataset:
    """Add the query, the two actions and the index of the moral one.

    Args:
        dataset: Rows with ``norm``, ``situation``, ``intention``, ``moral_action`` and ``immoral_action``.
    """
    return dataset.map(_with_query)


def _with_query(doc: Mapping[str, str]) -> dict[str, Any]:
    return {
        "query": " ".join(doc[part].capitalize() for part in ("norm", "situation", "intention")),
        "choices": [doc["moral_action"], doc["immoral_action"]],
        "label": 0,
    }
