"""The score of free answers in Qasper."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.tasks.shared import squad

__all__ = ["f1_abstractive"]


def f1_abstractive(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Return SQuAD's F1 of words; 0 for two answers without any word.

    Args:
        predictions: The model's answer, one.
        references: The accepted answer, one.
    """
    return squad.f1(references[0], predictions[0]) if squad.normalize(references[0]) else 0.0
