"""The prompt and the target of LogiQA, as functions."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write a passage, its question and the choices.

    Args:
        doc: A row with ``context``, ``question`` and ``options``.
    """
    question = f"Passage: {doc['context']}\nQuestion: {doc['question']}"
    return f"{question}\nChoices:\n{lettered(doc['options'], 'ABCD')}\nAnswer:"


def doc_to_target(doc: dict[str, Any]) -> int:
    """Return the index of the right choice.

    Args:
        doc: A row with ``label``, a letter from a to d.
    """
    return ["a", "b", "c", "d"].index(doc["label"].strip())
