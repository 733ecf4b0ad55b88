"""MBPP: find the program in a response and run it on the problem's tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.sandbox.code_execution import code_eval

# The word after the opening fence is the language.
_BLOCK = re.compile(r"```\w*\n?(.*?)\n?```", re.DOTALL)


def pass_at_1(references: str | Sequence[str], predictions: Sequence[str | Sequence[str]]) -> float:
    """Run the programs of a problem.

    Args:
        references: Its tests.
        predictions: Its programs, or one.

    Returns:
        The share that passes.
    """
    tests = [references] if isinstance(references, str) else references
    return code_eval(tests, [[found] if isinstance(found, str) else found for found in predictions], [1])["pass@1"]


def build_predictions(resps: Iterable[Sequence[str]], docs: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Take the first code block of each response.

    Args:
        resps: The responses of each problem.
        docs: The problems; they are not looked at.

    Returns:
        The programs of each problem; an empty one where there is no block.
    """
    return [[_first_block(response) for response in found] for found in resps]


def _first_block(response: str) -> str:
    # The prompt has opened a block already, which the response may close, or leave open and start anew.
    found = _BLOCK.search("```" + response) or _BLOCK.search(response.replace("```python", "```"))
    return found.group(1) if found else ""
