"""Whether a formula that a model wrote is small enough to be computed."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["refuse_huge"]

_MOST_BITS = 100_000
_OF_OTHERS = 64.0
_FACTORIALS = ("factorial", "factorial2", "subfactorial", "gamma", "binomial")


def refuse_huge(formula: Any) -> None:
    """Raise an error for a formula with a number of more than 100,000 bits, such as 9^(9^9).

    Python computes a power of whole numbers in one step, which no time limit interrupts.

    Args:
        formula: An object of sympy, not yet evaluated; anything else is not looked at.

    Raises:
        ValueError: The formula has such a number.
    """
    if hasattr(formula, "is_Pow"):
        _bits(formula)


def _bits(formula: Any) -> float:
    """Return about the logarithm to base 2 of the absolute value of a number; 0 for what is no number."""
    parts = [_bits(part) for part in getattr(formula, "args", ())]
    if getattr(formula, "is_Number", False):
        found = _of_number(formula)
    elif getattr(formula, "free_symbols", None) or not parts:
        found = 0.0
    elif formula.is_Pow:
        found = parts[0] * 2.0 ** min(parts[1], _OF_OTHERS)
    elif formula.is_Mul:
        found = sum(parts)
    elif formula.is_Add:
        found = max(parts) + math.log2(len(parts))
    elif type(formula).__name__ in _FACTORIALS:
        found = max(parts) * 2.0 ** min(max(parts), _OF_OTHERS)
    else:
        found = min(max(parts), _OF_OTHERS)
    if found > _MOST_BITS:
        raise ValueError("the formula has a number that is too large to compute")
    return found


def _of_number(number: Any) -> float:
    if number.is_Rational:
        return math.log2(max(abs(int(number.p)), int(number.q), 1))
    return abs(math.log2(abs(float(number)) or 1.0)) if number.is_finite else 0.0
