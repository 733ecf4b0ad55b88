"""Multiple-choice questions with an optional passage: the passage before its question, and the choices with letters."""

from __future__ import annotations

import string
from collections.abc import Iterable

__all__ = ["lettered", "with_passage"]


def with_passage(passage: str | None, question: str) -> str:
    """Return a question after its passage and an empty line, or the question alone where there is no passage.

    Args:
        passage: The text that the question is about, if there is one.
        question: The question.
    """
    return f"{passage}\n\n{question}" if passage else question


def lettered(choices: Iterable[object], letters: Iterable[str] = string.ascii_uppercase, mark: str = ". ") -> str:
    """Return the choices, one a line, each after its letter.

    Args:
        choices: The texts.
        letters: The letters; a choice without one is left out.
        mark: What stands between a letter and its choice.
    """
    return "\n".join(f"{letter}{mark}{choice}" for letter, choice in zip(letters, choices, strict=False))
