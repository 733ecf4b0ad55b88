"""ArabCulture without choices: the continuations themselves are compared."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.arab_culture.prompts import prompt


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the prompt.

    Args:
        doc: A row with ``first_statement``, ``country`` and ``region``.
    """
    return prompt(doc)


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the continuations.

    Args:
        doc: A row with ``options``.
    """
    texts: list[str] = doc["options"]["text"]
    return texts


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the right continuation.

    Args:
        doc: A row with ``options`` and ``answer_key``.
    """
    options = doc["options"]
    text: str = options["text"][options["english_keys"].index(doc["answer_key"]["english_answer_key"])]
    return text.strip()
