"""AGIEval: find the answer in the solution of a maths problem, and compare it with the right answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.hendrycks_math.utils import rewrite

_NUMBER = re.compile(r"\$?\d+(?:\.\d+)?(?!\w)")
_BETWEEN_DOLLARS = re.compile(r"\$(.*)\$")


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Compare a response with the answer.

    Args:
        doc: A row with ``answer``.
        results: The one response.

    Returns:
        ``acc``, 1 or 0.
    """
    return {"acc": int(is_equivalent(results[0], doc["answer"]))}


def is_equivalent(response: str, answer: str) -> bool:
    """Return whether two texts have the same answer, written in the same way.

    Args:
        response: What the model wrote.
        answer: The right answer.

    Returns:
        True if they do, and also if neither text has anything that could be an answer.
    """
    first, second = final_answer(response), final_answer(answer)
    if first is None or second is None:
        return first is second
    try:
        return rewrite(first, keep_slashes=True) == rewrite(second, keep_slashes=True)
    except ValueError:
        return first == second


def final_answer(text: str) -> str | None:
    r"""Find the answer in a text, by the rules of the authors (Zhong et al., 2023).

    Args:
        text: A solution.

    Returns:
        The content of the last ``\boxed``, else the text between dollar signs, else the text after the last ``=``, else
        the last number; None if there is none of these.
    """
    if "\\boxed" in text:
        boxed = _boxed(text)
        return None if boxed is None else _right_side(boxed)
    if (between := _BETWEEN_DOLLARS.findall(text)) and between[-1] and (found := _right_side(between[-1])):
        return found
    if "=" in text:
        return _right_side(text).rstrip(".").split("\\n")[0]
    numbers = _NUMBER.findall(text)
    return numbers[-1] if numbers else None


def _right_side(text: str) -> str:
    return text.split("=")[-1].lstrip(" ") if "=" in text else text


def _boxed(text: str) -> str | None:
    start = text.rfind("\\boxed")
    if not text.startswith("\\boxed{", start):
        return None
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if text[place] == "}" and depth == 0:
            return text[start + len("\\boxed{") : place]
    return None


def is_equiv(str1: str | None, str2: str | None, verbose: bool = False) -> bool:
    """Compare the answers in two texts as ``is_equivalent`` does; None is equal to None only.

    Args:
        str1: A text, or None.
        str2: A text, or None.
        verbose: Ignored; kept for compatibility with the reference harness.
    """
    return is_equivalent(str1, str2) if str1 is not None and str2 is not None else str1 is str2


def process_results_mcqa(doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Score the likeliest choice, of questions that may have several right ones.

    Args:
        doc: A row with ``choices`` and ``gold``, the indices of the right choices.
        results: (log-likelihood, is greedy) of each choice.

    Returns:
        ``acc``, and ``acc_norm`` by the log-likelihood per character.
    """
    lls = [ll for ll, _ in results]
    per_character = [ll / len(choice) for ll, choice in zip(lls, doc["choices"], strict=True)]
    return {
        "acc": float(lls.index(max(lls)) in doc["gold"]),
        "acc_norm": float(per_character.index(max(per_character)) in doc["gold"]),
    }


# The name that task folders import from here.
parse_math_answer = final_answer
