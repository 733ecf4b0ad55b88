"""HellaSwag: a beginning and its endings, without the marks of WikiHow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.wikihow import without_marks as preprocess

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["preprocess", "process_docs"]


def process_docs(dataset: Dataset) -> Dataset:
    """Add what prompts and scores need.

    Args:
        dataset: Rows with ``activity_label``, ``ctx_a``, ``ctx_b``, ``endings`` and ``label``.

    Returns:
        The rows, with ``query``, ``choices`` and ``gold``.
    """
    return dataset.map(_with_query)


def _with_query(doc: dict[str, Any]) -> dict[str, Any]:
    beginning = f"{doc['activity_label']}: {doc['ctx_a']} {doc['ctx_b'].capitalize()}"
    choices = [preprocess(ending) for ending in doc["endings"]]
    return {"query": preprocess(beginning), "choices": choices, "gold": int(doc["label"])}
