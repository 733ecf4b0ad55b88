"""SCORE's mathematics, from MATH: the right answers of the questions, and the scores of responses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.errors import DatasetError
from lm_eval.tasks.score.equality import math_equal
from lm_eval.tasks.score.latex import boxed, boxes, normalized
from lm_eval.tasks.score.utils import consistency, with_each_prompt, with_one_prompt
from lm_eval.tasks.shared.rows import read_table

if TYPE_CHECKING:
    from datasets import Dataset

# A question that asks for an equation keeps the left side of its answer.
_ASKS_FOR_EQUATION = (
    "Find the equation",
    "Enter the equation",
    "What is the equation",
    "described by the equation",
    "Find an equation",
)


@cache
def _corrections() -> dict[str, str]:
    rows = read_table(Path(__file__).with_name("corrections.tsv"))
    return {row["problem_sha256"]: row["answer"] for row in rows}


def right_answer(solution: str, problem: str) -> str:
    r"""Return the answer in the ``\boxed{...}`` of a solution.

    Args:
        solution: The solution. Of several boxes with different answers, all count, unless the answer is known.
        problem: The question.

    Raises:
        DatasetError: The solution has no box.
    """
    answers = [normalized(box) for box in boxes(solution)]
    if not answers:
        raise DatasetError(f"a solution has no \\boxed answer: {solution[:80]!r}")
    answer = answers[0]
    if len(set(answers)) > 1:
        known = _corrections().get(hashlib.sha256(problem.encode()).hexdigest())
        answer = ", ".join(answers) if known is None else known
    if answer.count("=") == 1 and not any(words in problem for words in _ASKS_FOR_EQUATION):
        answer = answer.split("=")[1]
    return answer


def _questions(dataset: Dataset) -> Dataset:
    def ask(doc: dict[str, Any], place: int) -> dict[str, Any]:
        answer = right_answer(doc["solution"], doc["problem"])
        return {"question": doc["problem"], "question_id": place, "answer": answer}

    return dataset.map(ask, with_indices=True)


def prompts(dataset: Dataset) -> Dataset:
    """Ask each question with every prompt.

    Args:
        dataset: Rows with ``problem`` and ``solution``.
    """
    return with_each_prompt(_questions(dataset), "math")


def plain(dataset: Dataset) -> Dataset:
    """Ask each question once.

    Args:
        dataset: As for :func:`prompts`.
    """
    return with_one_prompt(_questions(dataset), "math")


def prompt_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response to one of the prompts.

    Args:
        doc: A row of :func:`prompts`.
        results: The one response.

    Returns:
        ``<prompt>_accuracy`` and ``consistency_rate``.
    """
    answer = boxed(results[0])
    return {
        f"{doc['prompt_id']}_accuracy": math_equal(answer, doc["answer"]),
        "consistency_rate": (doc["question_id"], answer),
    }


def plain_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response.

    Args:
        doc: A row of :func:`plain`.
        results: The one response.

    Returns:
        ``non_greedy_accuracy``.
    """
    return {"non_greedy_accuracy": math_equal(boxed(results[0]), doc["answer"])}


def consistency_rate(items: Iterable[tuple[int, str | None]]) -> float:
    """Return the share of pairs of answers to one question that are equal; a missing answer equals none.

    Args:
        items: The question and the answer of each response.
    """
    return consistency(items, math_equal)
