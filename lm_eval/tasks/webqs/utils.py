"""WebQuestions: every accepted answer is a choice, so every choice is right."""

from __future__ import annotations

from typing import Any


def answers(doc: dict[str, Any]) -> list[str]:
    """Return the accepted answers, sorted, without those that start with another accepted answer.

    A model that gives the longer answer also gives the shorter one.

    Args:
        doc: A row with ``answers``.
    """
    kept: list[str] = []
    for answer in sorted(doc["answers"]):
        if not kept or not answer.startswith(kept[-1]):
            kept.append(answer)
    return kept


def all_right(doc: dict[str, Any]) -> list[int]:
    """Return the indices of all choices.

    Args:
        doc: A row with ``answers``.
    """
    return list(range(len(answers(doc))))


# The names that task folders import from here.
doc_to_choice = answers
doc_to_target = all_right
