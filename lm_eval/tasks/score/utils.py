"""SCORE: a question asked with ten prompts, or with its choices in several orders, and how often the answers agree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "LABELS",
    "accuracy",
    "best_answer",
    "consistency",
    "macro_accuracy",
    "robustness_doc_to_text",
    "with_each_order",
    "with_each_prompt",
    "with_one_prompt",
]

LABELS = "ABCDEFGHIJ"
_ANNOUNCED = "the best answer is"
# The place of the prompt that is asked where prompts are not compared.
_PLAIN = {"agieval": 4, "mmlu_pro": 4, "math": 5}


@cache
def _prompts(benchmark: str) -> list[str]:
    every: dict[str, list[str]] = json.loads(Path(__file__).with_name("prompts.json").read_text(encoding="utf-8"))
    return every[benchmark]


def with_each_prompt(dataset: Dataset, benchmark: str) -> Dataset:
    """Repeat each row once for every prompt.

    Args:
        dataset: The questions.
        benchmark: ``agieval``, ``mmlu_pro`` or ``math``.

    Returns:
        The rows, with ``prompt`` and ``prompt_id``.
    """
    prompts = _prompts(benchmark)

    def repeat(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        count = len(next(iter(rows.values())))
        repeated = {column: [value for value in values for _ in prompts] for column, values in rows.items()}
        return {**repeated, "prompt_id": list(range(len(prompts))) * count, "prompt": prompts * count}

    return dataset.map(repeat, batched=True)


def with_one_prompt(dataset: Dataset, benchmark: str) -> Dataset:
    """Give all rows the same prompt.

    Args:
        dataset: The questions.
        benchmark: As for :func:`with_each_prompt`.

    Returns:
        The rows, with ``prompt``.
    """
    prompt = _prompts(benchmark)[_PLAIN[benchmark]]
    return dataset.map(lambda doc: {"prompt": prompt})


def with_each_order(dataset: Dataset, benchmark: str, labels: str) -> Dataset:
    """Repeat each row once for every label, with the right choice moved to this label.

    The right choice and the one that stands there change places. A row with fewer choices is asked as it is.

    Args:
        dataset: Questions with ``options``, ``answer_index`` and ``answer``.
        benchmark: As for :func:`with_each_prompt`.
        labels: The labels.

    Returns:
        The rows, with ``always_same_option``, ``original_answer_index`` and ``prompt``.
    """
    prompt = _prompts(benchmark)[_PLAIN[benchmark]]

    def reorder(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        made: dict[str, list[Any]] = defaultdict(list)
        for values in zip(*rows.values(), strict=True):
            row = dict(zip(rows, values, strict=True))
            for place, label in enumerate(labels):
                moved = {"always_same_option": label, "original_answer_index": row["answer_index"], "prompt": prompt}
                for column, value in {**row, **_moved(row, place), **moved}.items():
                    made[column].append(value)
        return made

    return dataset.map(reorder, batched=True)


def _moved(row: dict[str, Any], place: int) -> dict[str, Any]:
    options, right = list(row["options"]), row["answer_index"]
    if place >= len(options):
        return {}
    options[place], options[right] = options[right], options[place]
    return {"options": options, "answer_index": place, "answer": LABELS[place]}


def robustness_doc_to_text(doc: dict[str, Any]) -> str:
    """Return the prompt with the question, and with its choices and its category where the prompt has them.

    Args:
        doc: A row with ``prompt``, ``question``, and perhaps ``options`` and ``category``.
    """
    options = zip(LABELS, doc.get("options") or (), strict=False)
    lines = "".join(f"\n{label}: {option}" for label, option in options)
    prompt: str = doc["prompt"]
    return prompt.format(question=doc["question"], options=lines, category=doc.get("category", ""))


def best_answer(response: str) -> str:
    """Return what a response names as the best answer, in capitals; the whole response if it names none.

    Args:
        response: The response.
    """
    lower = response.lower()
    if _ANNOUNCED not in lower:
        return response.upper()
    word = lower.rpartition(f"{_ANNOUNCED} ")[2].split("\n")[0].split(" ")[0]
    return "".join(sign for sign in word if sign.isascii() and sign.isalnum()).upper()


def accuracy(items: Sequence[bool]) -> float:
    """Return the share of right answers, with four decimals.

    Args:
        items: Whether each answer is right.
    """
    return float(np.round(sum(items) / len(items), 4))


def macro_accuracy(items: Iterable[tuple[str, bool]]) -> float:
    """Return the mean over categories of the share of right answers, with four decimals.

    Args:
        items: The category of each question, and whether its answer is right.
    """
    by_category: dict[str, list[bool]] = defaultdict(list)
    for category, right in items:
        by_category[category].append(right)
    return float(np.round(np.mean([sum(found) / len(found) for found in by_category.values()]), 4))


def consistency(
    items: Iterable[tuple[Hashable, Any]], same: Callable[[Any, Any], bool] = lambda one, other: bool(one == other)
) -> float:
    """Return the share of pairs of answers to one question that agree.

    Args:
        items: The question and the answer of each response.
        same: Compares two answers.

    Returns:
        A number from 0 to 1; 0 without pairs.
    """
    by_question: dict[Hashable, list[Any]] = defaultdict(list)
    for question, answer in items:
        by_question[question].append(answer)
    pairs = [pair for answers in by_question.values() for pair in combinations(answers, 2)]
    return sum(same(*pair) for pair in pairs) / len(pairs) if pairs else 0.0
