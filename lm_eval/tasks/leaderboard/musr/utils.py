"""The prompt and the choices of MuSR, as functions."""

from __future__ import annotations

import ast
from typing import Any

from lm_eval.tasks.leaderboard.utils import musr_question as doc_to_text

__all__ = ["DOC_TO_TEXT", "doc_to_choice", "doc_to_text"]

DOC_TO_TEXT = "{narrative}\n\n{question}\n\n{choices}\nAnswer:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the choices.

    Args:
        doc: A row with ``choices`` as Python source.
    """
    choices: list[str] = ast.literal_eval(doc["choices"])
    return choices
