"""SCORE's questions with choices, from AGIEval and MMLU-Pro."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.score.utils import LABELS, best_answer, with_each_order, with_each_prompt, with_one_prompt

if TYPE_CHECKING:
    from datasets import Dataset

# How the choices of AGIEval begin: "(A)", "A " or "A? ".
_LABEL = re.compile(r"\([A-E]\)|[A-E] |[A-E]\? ")


def _questions(dataset: Dataset) -> Dataset:
    """Give the rows of AGIEval the columns of MMLU-Pro, where the rows lack them."""
    return dataset.map(lambda doc, place: {**_columns(doc, place), **doc}, with_indices=True)


def _columns(doc: dict[str, Any], place: int) -> dict[str, Any]:
    right = doc["answer_index"] if "answer_index" in doc else doc["gold"][0]
    return {
        "question": doc["query"].split(" Answer Choices:")[0].removeprefix("Q: "),
        "question_id": place,
        "answer_index": right,
        "answer": LABELS[right],
        "options": [_without_label(choice) for choice in doc["choices"]],
    }


def _without_label(choice: str) -> str:
    match = _LABEL.match(choice)
    return choice[match.end() :] if match else choice


def agieval_prompts(dataset: Dataset) -> Dataset:
    """Ask each question of AGIEval with every prompt.

    Args:
        dataset: Rows with ``query``, ``choices`` and ``gold``.
    """
    return with_each_prompt(_questions(dataset), "agieval")


def agieval_orders(dataset: Dataset) -> Dataset:
    """Ask each question of AGIEval with its right choice at A, B, C and D.

    Args:
        dataset: As for :func:`agieval_prompts`.
    """
    return with_each_order(_questions(dataset), "agieval", LABELS[:4])


def agieval_plain(dataset: Dataset) -> Dataset:
    """Ask each question of AGIEval once.

    Args:
        dataset: As for :func:`agieval_prompts`.
    """
    return with_one_prompt(_questions(dataset), "agieval")


def mmlu_pro_prompts(dataset: Dataset) -> Dataset:
    """Ask each question of MMLU-Pro with every prompt.

    Args:
        dataset: Rows with ``question_id``, ``question``, ``options``, ``answer``, ``answer_index`` and ``category``.
    """
    return with_each_prompt(dataset, "mmlu_pro")


def mmlu_pro_orders(dataset: Dataset) -> Dataset:
    """Ask each question of MMLU-Pro with its right choice at A to J.

    Args:
        dataset: As for :func:`mmlu_pro_prompts`.
    """
    return with_each_order(dataset, "mmlu_pro", LABELS)


def mmlu_pro_plain(dataset: Dataset) -> Dataset:
    """Ask each question of MMLU-Pro once.

    Args:
        dataset: As for :func:`mmlu_pro_prompts`.
    """
    return with_one_prompt(dataset, "mmlu_pro")


def _right(doc: dict[str, Any], results: Sequence[str]) -> tuple[str, bool]:
    answer = best_answer(results[0])
    return answer, answer == LABELS[doc["answer_index"]]


def _in_order(doc: dict[str, Any], answer: str) -> tuple[int, str]:
    # A change of places moves two labels; the model is consistent if it follows the right choice or stays with it.
    original = LABELS[doc["original_answer_index"]]
    return doc["question_id"], original if answer == doc["always_same_option"] else answer


def prompt_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response to one of the prompts.

    Args:
        doc: A row of :func:`agieval_prompts`.
        results: The one response.

    Returns:
        ``<prompt>_accuracy`` and ``consistency_rate``.
    """
    answer, right = _right(doc, results)
    return {f"{doc['prompt_id']}_accuracy": right, "consistency_rate": (doc["question_id"], answer)}


def order_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response to one of the orders.

    Args:
        doc: A row of :func:`agieval_orders`.
        results: The one response.

    Returns:
        ``per_option_accuracy_<label>`` and ``options_consistency_rate``.
    """
    answer, right = _right(doc, results)
    return {
        f"per_option_accuracy_{doc['always_same_option']}": right,
        "options_consistency_rate": _in_order(doc, answer),
    }


def plain_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response.

    Args:
        doc: A row of :func:`agieval_plain`.
        results: The one response.

    Returns:
        ``non_greedy_accuracy``.
    """
    return {"non_greedy_accuracy": _right(doc, results)[1]}


def mmlu_pro_prompt_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response to one of the prompts, for a mean over categories.

    Args:
        doc: A row of :func:`mmlu_pro_prompts`.
        results: The one response.

    Returns:
        ``<prompt>_macro_accuracy`` and ``consistency_rate``.
    """
    answer, right = _right(doc, results)
    return {
        f"{doc['prompt_id']}_macro_accuracy": (doc["category"], right),
        "consistency_rate": (doc["question_id"], answer),
    }


def mmlu_pro_order_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response to one of the orders, for a mean over categories.

    Args:
        doc: A row of :func:`mmlu_pro_orders`.
        results: The one response.

    Returns:
        ``per_option_macro_accuracy_<label>`` and ``options_consistency_rate``.
    """
    answer, right = _right(doc, results)
    return {
        f"per_option_macro_accuracy_{doc['always_same_option']}": (doc["category"], right),
        "options_consistency_rate": _in_order(doc, answer),
    }


def mmlu_pro_plain_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, object]:
    """Score a response, for a mean over categories.

    Args:
        doc: A row of :func:`mmlu_pro_plain`.
        results: The one response.

    Returns:
        ``non_greedy_macro_accuracy``.
    """
    return {"non_greedy_macro_accuracy": (doc["category"], _right(doc, results)[1])}
