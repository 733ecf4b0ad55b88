"""RACE: an article with several questions; the prompt shows all but the last with their answers."""

from __future__ import annotations

import ast
from typing import Any

_BLANK = "  _  ."


def question(doc: dict[str, Any]) -> str:
    """Write the article, its answered questions, and the open question.

    Args:
        doc: A row with ``article`` and ``problems``, the latter as Python source.

    Returns:
        The prompt.
    """
    *shown, asked = _problems(doc)
    return f"Article: {doc['article']}\n\n" + "".join(map(_answered, shown)) + str(asked["question"])


def choices(doc: dict[str, Any]) -> list[str]:
    """Return the four options of the last question.

    Args:
        doc: A row with ``problems``.
    """
    return list(_problems(doc)[-1]["options"][:4])


def answer(doc: dict[str, Any]) -> int:
    """Return the index of the right option of the last question.

    Args:
        doc: A row with ``problems``.
    """
    return _place(_problems(doc)[-1])


def _problems(doc: dict[str, Any]) -> list[dict[str, Any]]:
    problems: list[dict[str, Any]] = ast.literal_eval(doc["problems"])
    return problems


def _place(problem: dict[str, Any]) -> int:
    return "ABCD".index(problem["answer"])


def _answered(problem: dict[str, Any]) -> str:
    """Write the option into the blank at the end of a sentence; without a blank, below the question."""
    text, right = problem["question"], problem["options"][_place(problem)]
    if text.endswith(_BLANK):
        return f"{text.removesuffix(_BLANK)} {right}\n"
    return f"Question: {text}\nAnswer: {right}\n"
