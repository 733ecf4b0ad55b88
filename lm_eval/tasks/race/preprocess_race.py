"""The reference harness's path to the helpers of RACE; kept for compatibility."""

from __future__ import annotations

import ast
from typing import Any

from lm_eval.tasks.race.utils import answer as doc_to_target
from lm_eval.tasks.race.utils import choices as doc_to_choice
from lm_eval.tasks.race.utils import question as doc_to_text

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text", "get_answer_option", "last_problem", "process_ast"]


def process_ast(string: str) -> Any:
    """Read a value that is written as Python source.

    Args:
        string: The source.
    """
    return ast.literal_eval(string)


def last_problem(doc: dict[str, Any]) -> dict[str, Any]:
    """Return the question that is asked.

    Args:
        doc: A row with ``problems``.
    """
    problem: dict[str, Any] = process_ast(doc["problems"])[-1]
    return problem


def get_answer_option(problem: dict[str, Any]) -> str:
    """Return the right option of a question.

    Args:
        problem: A question with ``options`` and ``answer``, a letter.
    """
    option: str = problem["options"]["ABCD".index(problem["answer"])]
    return option
