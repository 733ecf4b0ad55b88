"""GPQA as the Open LLM Leaderboard has it: the answers without marks in brackets, in random order."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lm_eval.tasks.gpqa.utils import shuffled
from lm_eval.tasks.shared.wikihow import without_marks

if TYPE_CHECKING:
    from datasets import Dataset


def preprocess(text: str | None) -> str:
    """Clean an answer.

    Args:
        text: The answer; None becomes a space.
    """
    return " " if text is None else without_marks(text)


def process_docs(dataset: Dataset) -> Dataset:
    """Add the answers in an order drawn from Python's shared generator, which a run seeds.

    Args:
        dataset: Rows with ``Correct Answer`` and three ``Incorrect Answer``.

    Returns:
        Rows with ``choice1`` to ``choice4``, ``choices``, and ``answer``, a letter in brackets.
    """
    return shuffled(dataset, random.shuffle, preprocess)
