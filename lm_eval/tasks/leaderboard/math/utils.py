"""The helpers of MATH in the Open LLM Leaderboard, which keep its scores: later corrections are left out."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.leaderboard.utils import (
    INVALID_ANSWER,
    REMOVED_EXPRESSIONS,
    SUBSTITUTIONS,
    follows_paper,
    get_unnormalized_answer,
)
from lm_eval.tasks.leaderboard.utils import hardest_problems as process_docs
from lm_eval.tasks.leaderboard.utils import is_equal as is_equiv
from lm_eval.tasks.leaderboard.utils import normalize as normalize_final_answer
from lm_eval.tasks.leaderboard.utils import score_answer as process_results
from lm_eval.tasks.minerva_math.utils import doc_to_text
from lm_eval.tasks.shared import boxed
from lm_eval.tasks.shared.alarm import timeout
from lm_eval.tasks.shared.shots import listed_shots

__all__ = [
    "INVALID_ANSWER",
    "REMOVED_EXPRESSIONS",
    "SUBSTITUTIONS",
    "doc_to_text",
    "get_unnormalized_answer",
    "is_equiv",
    "last_boxed_only_string",
    "list_fewshot_samples",
    "normalize_final_answer",
    "process_docs",
    "process_result_v1",
    "process_results",
    "remove_boxed",
    "timeout",
]


def list_fewshot_samples() -> list[dict[str, Any]]:
    """Return the four solved problems of the prompt."""
    return listed_shots("leaderboard_math_algebra_hard")


def process_result_v1(doc: dict[str, Any], candidates: str) -> int:
    """Score a response by the rules of the Minerva paper.

    Args:
        doc: A row with ``answer``.
        candidates: The response.

    Returns:
        1 or 0.
    """
    return int(follows_paper(candidates, doc["answer"]))


def last_boxed_only_string(string: str) -> str:
    r"""Return the last ``\boxed{...}`` of a text with its braces.

    Args:
        string: LaTeX text.

    Returns:
        The part of the text, or ``INVALID_ANSWER`` if there is none.
    """
    return boxed.last_boxed_only_string(string) or INVALID_ANSWER


def remove_boxed(s: str) -> str:
    r"""Return what is in a ``\boxed{...}``.

    Args:
        s: A part of a text, as ``last_boxed_only_string`` returns it.

    Returns:
        The content, or ``INVALID_ANSWER`` if the text is not all of a ``\boxed``.
    """
    try:
        return boxed.remove_boxed(s)
    except AssertionError:
        return INVALID_ANSWER
