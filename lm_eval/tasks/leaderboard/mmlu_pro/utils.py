"""The prompt and the choices of MMLU-Pro in the Open LLM Leaderboard, as functions."""

from __future__ import annotations

import string
from typing import Any

from lm_eval.tasks.shared.passages import lettered


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write a question and its options.

    Args:
        doc: A row with ``question`` and ``options``.
    """
    return f"{doc['question']}\n{lettered(doc['options'])}\nAnswer:"


def doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Return the letters of the options.

    Args:
        doc: A row with ``options``.
    """
    return list(string.ascii_uppercase[: len(doc["options"])])
