"""NorTruthfulQA with generated answers: reference answers as sentences, and TruthfulQA's scores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lm_eval.tasks.truthfulqa.utils import answer_sentences
from lm_eval.tasks.truthfulqa.utils import process_results_gen as process_results

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["process_docs", "process_results"]


def process_docs(dataset: Dataset) -> Dataset:
    """Give the answers a full stop, and drop empty ones.

    Args:
        dataset: Rows with ``question``, ``correct_answers`` and ``incorrect_answers``.

    Returns:
        The same rows.
    """
    return dataset.map(partial(answer_sentences, no_comment=None))
