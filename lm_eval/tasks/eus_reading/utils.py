"""EusReading: the prompts of EusTrivia after a passage."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.eus_trivia.utils import doc_to_choice, doc_to_text

__all__ = ["doc_to_choice", "doc_to_text_context"]


def doc_to_text_context(doc: dict[str, Any]) -> str:
    """Write the passage, the question and its candidates.

    Args:
        doc: A row with ``context``, ``question`` and ``candidates``.
    """
    return f"Pasartea: {doc['context']}\n\n{doc_to_text(doc)}"
