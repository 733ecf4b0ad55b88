"""EgyMMLU: the prompt in Egyptian Arabic, and the letters of the choices."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered, with_passage

_LETTERS = "ABCDE"


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question with its subject, passage and choices.

    Args:
        doc: A row with ``egy_subject``, ``context``, ``question`` and ``choices``.
    """
    question = with_passage(doc["context"], doc["question"])
    head = f"ده سؤال متعدد الاختيار (مع إجابته) على {doc['egy_subject']}"
    return f"{head}\n\n{question}\n{lettered(doc['choices'], _LETTERS)}\n الجواب:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return a letter for each choice.

    Args:
        doc: A row with ``choices``.
    """
    return list(_LETTERS[: len(doc["choices"])])
