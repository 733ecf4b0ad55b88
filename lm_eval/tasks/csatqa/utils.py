"""CSAT-QA: the prompt of a question of the Korean college entrance exam."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from datasets import Dataset

_CHOICES = ["(1)", "(2)", "(3)", "(4)", "(5)"]


def process_docs(dataset: Dataset) -> Dataset:
    """Write the prompt into ``question`` and add ``choices`` and ``gold``.

    Args:
        dataset: Rows with ``context``, ``question``, ``option#1`` to ``option#5``, and ``gold`` counted from 1.

    Returns:
        The rows; ``gold`` counts from 0.
    """
    return dataset.map(_format)


def _format(row: Mapping[str, str]) -> dict[str, object]:
    options = "\n".join(f"({number}) {row[f'option#{number}']}" for number in range(1, 6))
    prompt = f"""다음을 읽고 정답으로 알맞은 것을 고르시요.
### Context: {row["context"]}
### Question: {row["question"]}
### Options:
{options}
### Answer: 주어진 문제의 정답은"""
    return {"question": prompt, "choices": _CHOICES, "gold": int(row["gold"]) - 1}
