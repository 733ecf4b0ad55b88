"""HumanEval: turn responses into programs, run them with the problem's tests, and estimate pass@k."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.sandbox.code_execution import code_eval
from lm_eval.tasks.shared.programs import CodeEval


def pass_at_k(references: Sequence[str], predictions: Sequence[Sequence[str]], k: Sequence[int]) -> dict[str, float]:
    """Run the programs of a problem.

    Args:
        references: Its tests.
        predictions: Its programs.
        k: The values of k.

    Returns:
        ``pass@k`` for each k, from 0 to 1.
    """
    return code_eval(references, predictions, [k] if isinstance(k, int) else k)


def build_predictions(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Put the start of the function in front of each response, which continues it.

    Args:
        resps: The responses of each problem.
        docs: The problems.

    Returns:
        The programs of each problem.
    """
    return [[doc["prompt"] + response for response in found] for found, doc in zip(resps, docs, strict=True)]


def build_predictions_instruct(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Put the start of the function in front of each response, up to the end of its code block.

    Args:
        resps: The responses of each problem.
        docs: The problems.

    Returns:
        The programs of each problem.
    """
    return build_predictions(([response.partition("```")[0] for response in found] for found in resps), docs)


# The name that task folders import from here.
compute_ = CodeEval()
