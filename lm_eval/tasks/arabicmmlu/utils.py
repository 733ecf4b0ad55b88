"""ArabicMMLU: the English prompt with level and country of the exam, and the letters of the choices."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.shared.passages import lettered, with_passage

_LETTERS = "ABCDE"
_LEVELS = {
    "Primary": "primary school",
    "Middle": "middle school",
    "High": "high school",
    "Univ": "university",
    "Prof": "professional",
}


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question with its exam, passage and choices up to the first empty one.

    Args:
        doc: A row with ``Subject``, ``Level``, ``Country``, ``Context``, ``Question`` and ``Option 1`` to ``Option 5``.
    """
    exam = f"{doc['Subject']} question"
    if doc["Level"]:
        exam += f" for {_LEVELS[doc['Level']]}"
    if doc["Country"]:
        exam += f" in {doc['Country']}"
    options = [doc[f"Option {number}"] for number in range(1, 6)]
    shown = options[: next((place for place, option in enumerate(options) if not option), 5)]
    question = with_passage(doc["Context"], doc["Question"])
    head = f"This is a {exam}. Select the correct answer!"
    return f"{head}\n\nQuestion: {question}\n{lettered(shown, _LETTERS)}\n\nAnswer:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the letters of the options that are not empty.

    Args:
        doc: A row with ``Option 1`` to ``Option 5``.
    """
    return [letter for number, letter in enumerate(_LETTERS, start=1) if doc[f"Option {number}"]]
