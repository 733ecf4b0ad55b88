"""The prompt of MedMCQA, as a function."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write a question and its choices.

    Args:
        doc: A row with ``question`` and the choices ``opa`` to ``opd``.
    """
    choices = lettered(doc[name] for name in ("opa", "opb", "opc", "opd"))
    return f"Question: {doc['question']}\nChoices:\n{choices}\nAnswer:"
