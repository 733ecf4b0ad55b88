"""The prompt of LogiQA 2.0, as a function."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write a passage, its question and the choices.

    Args:
        doc: A row with ``text``, ``question`` and ``options``.
    """
    return f"Passage: {doc['text']}\nQuestion: {doc['question']}\n{lettered(doc['options'], 'ABCD')}\nAnswer:"
