"""SCORE's mathematics: whether two answers are equal, as texts, as numbers, part by part or as formulas."""

from __future__ import annotations

import builtins
import functools
import importlib
import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lm_eval.errors import MissingPackageError
from lm_eval.tasks.score.latex import normalized
from lm_eval.tasks.shared.cpu_limit import cpu_limit
from lm_eval.tasks.shared.number_size import refuse_huge

__all__ = ["math_equal"]

_TOLERANCE = 1e-4
_SECONDS = 10.0
_LONGEST = 1000
# sympy's parser of Python expressions evaluates what it parses, so it only gets formulas: no quotes, no attributes.
_FORMULA = re.compile(r"[0-9A-Za-z_+\-*/^(){}\[\],.=<>!|& ]*")
_NAME = re.compile(r"[A-Za-z_]\w*")
_ATTRIBUTE = re.compile(r"\.\s*[A-Za-z_]")
_FUNCTIONS = {
    *("sqrt", "cbrt", "root", "exp", "log", "ln", "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "Abs", "factorial", "binomial", "pi", "E", "I", "oo", "Rational", "Integer", "Float"),
    *("Point", "Matrix", "Interval", "Union", "FiniteSet", "S", "N", "Q", "O", "C", "gamma", "beta", "zeta"),
}
_INTERVALS = {"": ("[", "]"), ".Ropen": ("[", ")"), ".Lopen": ("(", "]"), ".open": ("(", ")")}


def math_equal(prediction: str | None, reference: str) -> bool:
    """Return whether an answer is equal to the right one.

    Args:
        prediction: The answer; None if the response has none.
        reference: The right answer.

    Returns:
        Whether the two are equal. Numbers are, too, where one is a hundred times the other, as percent are.

    Raises:
        MissingPackageError: sympy or the ANTLR runtime that its LaTeX parser needs is not installed.
    """
    if prediction is None or reference is None:
        return False
    prediction, reference = normalized(_bare(prediction))[:_LONGEST], normalized(_bare(reference))
    if prediction.strip().lower() == reference.strip().lower() or prediction.replace(" ", "") == reference:
        return True
    one, other = _number(prediction), _number(reference)
    if one is not None and other is not None:
        return any(math.isclose(number, one, rel_tol=_TOLERANCE) for number in (other / 100, other, other * 100))
    if not prediction:
        return False
    prediction, reference = _with_brackets(prediction.strip()), reference.strip()
    if _without_brackets(prediction, reference):
        return True
    parts = _parts_equal(prediction, reference)
    return _formulas_equal(prediction, reference) if parts is None else parts


def _bare(answer: str) -> str:
    """Take the dollar sign from a price and the sign from a percentage."""
    if re.match(r"\$\d+(\.\d+)?", answer):
        return answer[1:]
    return re.sub(r"^(\d+(?:\.\d+)?)\\?%$", r"\1", answer)


def _number(answer: str) -> float | None:
    with suppress(ValueError):
        return float(answer.replace("{,}", "") if "{,}" in answer else answer.replace(",", ""))
    return None


def _with_brackets(answer: str) -> str:
    """Write an interval of sympy with brackets."""
    for name, (left, right) in _INTERVALS.items():
        if match := re.match(rf"^Interval{re.escape(name)}\((.*)\)$", answer):
            return f"{left}{match.group(1)}{right}"
    return answer


def _without_brackets(prediction: str, reference: str) -> bool:
    """Compare two texts without braces and parentheses, and without brackets where only the prediction has them."""
    square = prediction[0] == "[" and prediction[-1] == "]" and not reference.startswith("(")
    round_ = prediction[0] == "(" and prediction[-1] == ")" and not reference.startswith("[")
    if square or round_:
        prediction, reference = prediction.strip("[]()"), reference.strip("[]()")
    without = str.maketrans("", "", "{}()")
    return prediction.translate(without) == reference.translate(without)


def _parts_equal(prediction: str, reference: str) -> bool | None:
    """Compare tuples, lists and points part by part; None where that decides nothing."""
    if not reference:
        return None
    within = reference[1:-1].split(",")
    ends = prediction[0] + prediction[-1], reference[0] + reference[-1]
    bracketed = ends[0] == ends[1] and ends[0][0] in "([" and ends[0][1] in ")]"
    if bracketed and _all_equal(prediction[1:-1].split(","), within):
        return True
    if "," in prediction and "," in reference:
        one, other = ([part.strip() for part in text.split(",")] for text in (prediction, reference))
        if len(one) == len(other):
            return _all_equal(one, other)
    point = prediction[prediction.find("(") + 1 : -1].split(",")
    return True if prediction.startswith("Point") and ends[1] == "()" and _all_equal(point, within) else None


def _all_equal(one: list[str], other: list[str]) -> bool:
    return len(one) == len(other) and all(map(math_equal, one, other))


def _formulas_equal(prediction: str, reference: str) -> bool:
    sympy, _ = _parsers()
    one, other = _parsed(prediction), _parsed(reference)
    if one is None or other is None:
        return False
    # What a response writes can make sympy raise anything; then the formulas are not equal.
    with suppress(Exception), cpu_limit(_SECONDS):
        if sympy.simplify(one - other) == 0:
            return True
    with suppress(Exception), cpu_limit(_SECONDS):
        return math.isclose(sympy.N(one), sympy.N(other), rel_tol=_TOLERANCE)
    return False


def _parsed(formula: str) -> Any:
    """Parse a text as a Python expression, else as LaTeX; None if both fail, since sympy would evaluate a text."""
    for parse in _parsers()[1]:
        with suppress(Exception), cpu_limit(_SECONDS):
            return parse(formula)
    return None


@functools.cache
def _parsers() -> tuple[Any, tuple[Callable[[str], Any], ...]]:
    """Return sympy, and what parses formulas."""
    try:
        sympy = importlib.import_module("sympy")
        parse_expression = importlib.import_module("sympy.parsing.sympy_parser").parse_expr
        parse_latex = importlib.import_module("sympy.parsing.latex").parse_latex
        # Fails without the version of the ANTLR runtime that sympy needs.
        parse_latex("1")
    except ImportError as error:
        raise MissingPackageError(
            'SCORE\'s mathematics needs sympy and antlr4-python3-runtime 4.11: pip install "lm-eval-api[tasks]"'
        ) from error

    def parse_safely(formula: str) -> Any:
        if not _is_harmless(formula, sympy):
            raise ValueError(formula)
        refuse_huge(parse_expression(formula, evaluate=False))
        return parse_expression(formula)

    def parse_small_latex(formula: str) -> Any:
        parsed = parse_latex(formula)
        refuse_huge(parsed)
        return parsed

    return sympy, (parse_safely, parse_small_latex)


def _is_harmless(formula: str, sympy: Any) -> bool:
    """Return whether an expression only calls functions of mathematics."""
    if not _FORMULA.fullmatch(formula) or "__" in formula or _ATTRIBUTE.search(formula):
        return False
    names = set(_NAME.findall(formula)) - _FUNCTIONS
    return not any(hasattr(sympy, name) or hasattr(builtins, name) for name in names)
