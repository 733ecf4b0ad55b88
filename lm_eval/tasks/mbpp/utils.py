"""MBPP: find the program in a response and run it with the problem's tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.sandbox.code_execution import code_eval
from lm_eval.tasks.shared.programs import CodeEval
from lm_eval.tasks.shared.shots import listed_shots

# The word after the opening fence names the language.
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
        docs: Ignored.

    Returns:
        The programs of each problem; an empty one if there is no block.
    """
    return [[_first_block(response) for response in found] for found in resps]


def _first_block(response: str) -> str:
    # The prompt already opens a block. The response may close it, or open another one.
    found = _BLOCK.search("```" + response) or _BLOCK.search(response.replace("```python", "```"))
    return found.group(1) if found else ""


def list_fewshot_samples() -> list[dict[str, Any]]:
    """Return the three solved problems of the prompt."""
    return listed_shots("mbpp")


# The names that task folders import from here.
extract_code_blocks = _first_block
pass_at_k = CodeEval()
