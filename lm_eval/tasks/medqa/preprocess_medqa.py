"""The prompt and the target of MedQA, as functions."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write a question and its choices.

    Args:
        doc: A row with ``sent1`` and the choices ``ending0`` to ``ending3``.
    """
    return f"Question: {doc['sent1']}\n{lettered(doc[f'ending{number}'] for number in range(4))}\nAnswer:"


def doc_to_target(doc: dict[str, Any]) -> int:
    """Return the index of the right choice.

    Args:
        doc: A row with ``label``.
    """
    label: int = doc["label"]
    return label
