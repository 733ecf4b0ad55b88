"""Putnam-AXIOM: answers in boxes, compared as in Minerva's MATH."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lm_eval.tasks.hendrycks_math.utils import boxed_answer
from lm_eval.tasks.minerva_math.utils import differ_by_zero, normalize

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["doc_to_text", "process_docs", "process_results", "process_variations"]

Doc = Mapping[str, str]

_LAST_SENTENCE = "I hope it is correct."
_STATED = re.compile(rf"(?:Final Answer: The final answer is|The answer is:)\s*(.*?)(?={re.escape(_LAST_SENTENCE)})")


def doc_to_text(doc: Doc) -> str:
    """Return the prompt of a problem.

    Args:
        doc: A row with ``problem``.
    """
    return f"Problem:\n{doc['problem']}\n\nSolution:"


def process_docs(dataset: Dataset) -> Dataset:
    """Add the normalized answer of the solution.

    Args:
        dataset: Rows with ``problem`` and ``solution``.
    """
    return dataset.map(lambda doc: {"answer": _boxed(doc["solution"])})


def process_variations(dataset: Dataset) -> Dataset:
    """Keep the first variation of each problem, and add its answer.

    Args:
        dataset: Rows with ``variation``, as of :func:`process_docs`.
    """
    return process_docs(dataset.filter(lambda doc: int(doc["variation"]) == 1))


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, int]:
    """Compare the answer of a response with the right one.

    Args:
        doc: A row from :func:`process_docs`.
        results: The response.

    Returns:
        ``exact_match``: 1 if computer algebra finds them equal, else 0.
    """
    try:
        answer = _boxed(results[0])
    except ValueError:
        found = _STATED.search(results[0] + _LAST_SENTENCE)
        answer = normalize(found.group(1).strip() if found else "[invalidanswer]")
    return {"exact_match": int(differ_by_zero(answer, doc["answer"]))}


def _boxed(text: str) -> str:
    r"""Return the normalized content of the last ``\boxed``.

    Raises:
        ValueError: There is none, or it is not complete.
    """
    if "\\boxed " not in text and text.rfind("\\boxed") != text.rfind("\\boxed{"):
        raise ValueError("the last box has no braces")
    return normalize(boxed_answer(text))
