"""Japanese leaderboard: rows with a list of choices, and numbers at the end of a solution."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

_NUMBER = re.compile(r"-?[0-9.,]+")


def jcommonsenseqa(dataset: Dataset) -> Dataset:
    """Put the five choices in a list.

    Args:
        dataset: Rows with ``choice0`` to ``choice4``.
    """
    return dataset.map(lambda doc: {**doc, "choices": [doc[f"choice{place}"] for place in range(5)]})


def xwinograd(dataset: Dataset) -> Dataset:
    """Put the two sentences in a list, and count the label from 0.

    Args:
        dataset: Rows with ``sentence1``, ``sentence2`` and ``answer``.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        choices = [doc["sentence1"].strip(), doc["sentence2"].strip()]
        return {**doc, "label": int(doc["answer"]) - 1, "choices": choices}

    return dataset.map(change)


def mgsm_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, bool]:
    """Compare the last number of a response with the answer.

    Args:
        doc: A row with ``answer_number``.
        results: The one response.

    Returns:
        ``acc``; false if the last number is not whole.
    """
    numbers = _NUMBER.findall(results[0])
    return {"acc": bool(numbers) and _whole(numbers[-1]) == doc["answer_number"]}


def _whole(text: str) -> int | None:
    try:
        number = float(text.strip(".").replace(",", ""))
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
