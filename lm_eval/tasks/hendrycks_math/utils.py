r"""MATH: find the final answer of a solution, and compare two LaTeX answers as text.

The rewriting rules are those of the dataset's authors (Hendrycks et al., 2021): two answers are
equal when they are the same text after it. Nothing is computed, so ``\frac{2}{4}`` is not ``\frac{1}{2}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.boxed import last_boxed_only_string as last_boxed_only_string
from lm_eval.tasks.shared.boxed import remove_boxed as remove_boxed

if TYPE_CHECKING:
    from datasets import Dataset

# Replaced in this order.
_SPELLINGS = (
    ("\n", ""),
    ("\\!", ""),
    ("\\\\", "\\"),
    ("tfrac", "frac"),
    ("dfrac", "frac"),
    ("\\left", ""),
    ("\\right", ""),
    ("^{\\circ}", ""),
    ("^\\circ", ""),
    ("\\$", ""),
)


def process_docs(dataset: Dataset) -> Dataset:
    """Add the final answer of the solution.

    Args:
        dataset: Rows with ``problem`` and ``solution``.

    Returns:
        The rows, with ``answer``.
    """
    return dataset.map(lambda doc: {"answer": boxed_answer(doc["solution"])})


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Compare a response with the final answer.

    Args:
        doc: A row with ``solution``.
        results: The one response; its answer is the text between the first and the last dollar sign.

    Returns:
        ``exact_match``, 1 or 0.
    """
    response = results[0]
    if response.count("$") > 1:
        response = response[response.index("$") + 1 : response.rindex("$")]
    return {"exact_match": int(is_equivalent(response, boxed_answer(doc["solution"])))}


def boxed_answer(solution: str) -> str:
    r"""Return the content of a solution's last ``\boxed`` (or ``\fbox``).

    Args:
        solution: LaTeX text.

    Returns:
        The content, with its inner braces.

    Raises:
        ValueError: There is no ``\boxed``.
    """
    if "\\boxed " in solution:
        return solution.rsplit("\\boxed ", 1)[1].split("$")[0]
    start = solution.rfind("\\boxed{")
    depth = 0
    for place in range(start, len(solution)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(solution[place], 0)
        if solution[place] == "}" and depth == 0:
            return solution[start + len("\\boxed{") : place]
    raise ValueError("the solution has no complete \\boxed{...}")


def is_equivalent(first: str, second: str) -> bool:
    """Return whether two answers are equal after rewriting.

    Args:
        first: LaTeX text.
        second: LaTeX text.

    Returns:
        True if they are equal; if one of them cannot be rewritten, the original texts are compared.
    """
    try:
        return rewrite(first) == rewrite(second)
    except ValueError:
        return first == second


def rewrite(answer: str, *, keep_slashes: bool = False) -> str:
    """Normalize the spelling of an answer.

    Args:
        answer: LaTeX text.
        keep_slashes: Whether a slash between other things than integers stays, instead of fitting no rule.

    Returns:
        The text without spaces, units, degrees, sizes of brackets and a leading ``x =``.

    Raises:
        ValueError: A rule does not fit the text.
    """
    for old, new in _SPELLINGS:
        answer = answer.replace(old, new)
    answer = _without_unit(answer).replace("\\%", "")
    answer = answer.replace(" .", " 0.").replace("{.", "{0.")
    if not answer:
        return answer
    if answer.startswith("."):
        answer = "0" + answer
    sides = answer.split("=")
    if len(sides) == 2 and len(sides[0]) <= 2:
        answer = sides[1]
    answer = _braced_roots(answer).replace(" ", "")
    answer = _braced_fractions(answer)
    if answer == "0.5":
        return "\\frac{1}{2}"
    return _slash_fraction(answer, keep=keep_slashes)


def _without_unit(answer: str) -> str:
    r"""Remove a unit, written ``\text{ ...}``, from the end."""
    before, *units = answer.split("\\text{ ")
    if len(units) > 1:
        raise ValueError("more than one unit")
    return before


def _braced_roots(answer: str) -> str:
    r"""Write ``\sqrt3`` as ``\sqrt{3}``."""
    before, *after = answer.split("\\sqrt")
    if "" in after:
        raise ValueError("a root of nothing")
    return before + "".join(f"\\sqrt{part}" if part[0] == "{" else f"\\sqrt{{{part[0]}}}{part[1:]}" for part in after)


def _braced_fractions(answer: str) -> str:
    r"""Write ``\frac12`` and ``\frac1{2}`` as ``\frac{1}{2}``; change nothing if one is incomplete."""
    before, *after = answer.split("\\frac")
    parts = [before]
    for part in after:
        if not part:
            raise ValueError("a fraction of nothing")
        if part[0] == "{":
            parts.append(part)
        elif len(part) < 2:
            return answer
        elif part[1] == "{":
            parts.append(f"{{{part[0]}}}{part[1:]}")
        else:
            parts.append(f"{{{part[0]}}}{{{part[1]}}}{part[2:]}")
    return "\\frac".join(parts)


def _slash_fraction(answer: str, *, keep: bool = False) -> str:
    r"""Write ``1/2`` as ``\frac{1}{2}``."""
    sides = answer.split("/")
    if len(sides) != 2:
        return answer
    try:
        numerator, denominator = (int(side) for side in sides)
    except ValueError:
        if keep:
            return answer
        raise
    plain = re.fullmatch(r"(?:0|-?[1-9]\d*)/(?:0|-?[1-9]\d*)", answer)
    return f"\\frac{{{numerator}}}{{{denominator}}}" if plain else answer


def is_equiv(str1: str | None, str2: str | None, verbose: bool = False) -> bool:
    """Compare two answers as ``is_equivalent`` does; None is equal to None only.

    Args:
        str1: LaTeX text, or None.
        str2: LaTeX text, or None.
        verbose: Ignored; kept for compatibility with the reference harness.
    """
    return is_equivalent(str1, str2) if str1 is not None and str2 is not None else str1 is str2


# The names that task folders import from here.
strip_string = rewrite
fix_fracs = _braced_fractions
fix_sqrt = _braced_roots
fix_a_slash_b = _slash_fraction
remove_right_units = _without_unit
