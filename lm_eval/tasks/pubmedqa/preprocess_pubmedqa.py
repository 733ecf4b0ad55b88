"""The prompt of PubMedQA, as a function."""

from __future__ import annotations

from typing import Any


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write an abstract and its question.

    Args:
        doc: A row with ``CONTEXTS``, the parts of the abstract, and ``QUESTION``.
    """
    abstract = "\n".join(doc["CONTEXTS"])
    return f"Abstract: {abstract}\nQuestion: {doc['QUESTION']}\nAnswer:"
