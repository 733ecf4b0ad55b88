"""HumanEval infilling: put responses between the start and the end of a function, run its tests, estimate pass@k."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.tasks.humaneval.utils import pass_at_k

__all__ = ["build_predictions", "pass_at_k"]


def build_predictions(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Put each response between the start and the end of its function.

    Args:
        resps: The responses of each problem.
        docs: The problems.

    Returns:
        The programs of each problem.
    """
    return [
        [f"{doc['prompt']}{response}{doc['suffix']}" for response in found]
        for found, doc in zip(resps, docs, strict=True)
    ]
