"""Minerva's four-shot MATH: normalize a final answer, and compare two answers by computer algebra.

The rules are those of Lewkowycz et al. (2022), appendix D, with known errors corrected as in the reference harness:
units are words, a root may have an index, and only groups of thousands lose their commas.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.errors import MissingPackageError
from lm_eval.tasks.hendrycks_math.utils import boxed_answer
from lm_eval.tasks.shared.alarm import timeout as timeout
from lm_eval.tasks.shared.boxed import last_boxed_only_string as last_boxed_only_string
from lm_eval.tasks.shared.boxed import remove_boxed as remove_boxed
from lm_eval.tasks.shared.cpu_limit import cpu_limit, in_main_thread
from lm_eval.tasks.shared.number_size import refuse_huge
from lm_eval.tasks.shared.shots import listed_shots

if TYPE_CHECKING:
    from datasets import Dataset

_INVALID = "[invalidanswer]"
_LETTERS = frozenset("invalidanswer")
_LAST_SENTENCE = "I hope it is correct."
_SECONDS = 5

# Replaced in this order.
_SUBSTITUTIONS = (
    ("an ", ""),
    ("a ", ""),
    (".$", "$"),
    ("\\$", ""),
    ("\\ ", ""),
    (" ", ""),
    ("mbox", "text"),
    (",\\text{and}", ","),
    ("\\text{and}", ","),
    ("\\text{m}", "\\text{}"),
)
# Removed in this order. Words are removed unless they are part of a LaTeX command.
_UNITS = """
square ways integers dollars mph inches ft hours km units \\ldots sue points feet minutes digits cents degrees cm gm
pounds meters meals edges students childrentickets multiples
"""
_REMOVED = (
    *_UNITS.split(),
    *("\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}"),
    *("\\mathrm{th}", "^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots"),
)
# Rewritten in this order: the content of dollars, of styles and of boxes; then short forms of fractions and roots.
_REWRITES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r".*?\$(.*?)\$.*", r"$\1$"),
        (r"\\text\{(.*?)\}", r"\1"),
        (r"\\textbf\{(.*?)\}", r"\1"),
        (r"\\overline\{(.*?)\}", r"\1"),
        (r"\\boxed\{(.*)\}", r"\1"),
        (r"frac([^{])(.)", r"frac{\1}{\2}"),
        (r"sqrt(\[[^\]]*\])(\w)", r"sqrt\1{\2}"),
        (r"sqrt(?!\[)([^{])", r"sqrt{\1}"),
        (r"\$", ""),
    )
)


def process_docs(dataset: Dataset) -> Dataset:
    """Add the normalized final answer of the solution.

    Args:
        dataset: Rows with ``problem`` and ``solution``.

    Returns:
        The rows, with ``answer``.

    Raises:
        MissingPackageError: A package that scoring needs is missing; raised here, before the model is asked.
    """
    _packages()
    return dataset.map(lambda doc: {"answer": normalize(boxed_answer(doc["solution"]))})


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Compare a response with the answer and with the complete solution.

    Args:
        doc: A row from :func:`process_docs`.
        results: The one response.

    Returns:
        ``exact_match``: sympy finds the final answer equal; ``math_verify``: math-verify does.

    Raises:
        MissingPackageError: math-verify, sympy or the ANTLR runtime that sympy needs is not installed.
    """
    math_verify, _, _ = _packages()
    # math-verify limits time with signals, which work only in the main thread.
    seconds = _SECONDS if in_main_thread() else None
    solution, response = (math_verify.parse(text, parsing_timeout=seconds) for text in (doc["solution"], results[0]))
    return {
        "exact_match": int(is_equivalent(normalize(final_answer(results[0])), doc["answer"])),
        "math_verify": int(bool(math_verify.verify(solution, response, timeout_seconds=seconds))),
    }


def final_answer(response: str) -> str:
    """Find the final answer of a response, by the wording of the few-shot examples.

    Args:
        response: The response; the last sentence may be missing, since generation stops there.

    Returns:
        The answer, or ``[invalidanswer]``.
    """
    sentence = rf"Final Answer: The final answer is(.*?). {_LAST_SENTENCE}"
    found = re.search(sentence, response + _LAST_SENTENCE)
    return found.group(1).strip() if found else _INVALID


def normalize(answer: str) -> str:
    """Normalize the spelling of a final answer.

    Args:
        answer: LaTeX text; if it has equals signs, the text after the last one is used.

    Returns:
        The text without units, spaces, dollars, styles and separators of thousands.
    """
    answer = answer.rpartition("=")[2]
    for unit in filter(str.isalpha, _REMOVED):
        answer = re.sub(rf"(?<!\\)\b{unit}\b", "", answer)
    for old, new in _SUBSTITUTIONS:
        answer = answer.replace(old, new)
    for part in _REMOVED:
        answer = _without_word(answer, part) if part.isalpha() else answer.replace(part, "")
    for pattern, replacement in _REWRITES:
        answer = pattern.sub(replacement, answer)
    return answer.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+", answer) else answer


def _without_word(answer: str, word: str) -> str:
    r"""Remove a word, but keep the ``ft`` of ``\left``."""
    return re.sub(rf"(\\[a-zA-Z]+)|{word}", lambda match: match.group(1) or "", answer)


def is_equivalent(first: str, second: str) -> bool:
    """Return whether two normalized answers are equal.

    Args:
        first: LaTeX text.
        second: LaTeX text.

    Returns:
        True if the texts are equal or their difference simplifies to 0; False if that fails or takes over 5 s.

    Raises:
        MissingPackageError: sympy or the ANTLR runtime that it needs is not installed.
    """
    return (bool(first) and first == second) or differ_by_zero(first, second)


def differ_by_zero(first: str, second: str) -> bool:
    """Return whether computer algebra finds two normalized answers equal.

    Args:
        first: LaTeX text.
        second: LaTeX text.

    Returns:
        True if their difference simplifies to 0; False if that fails or takes over 5 s.

    Raises:
        MissingPackageError: sympy or the ANTLR runtime that it needs is not installed.
    """
    _, simplify, parse_latex = _packages()
    if first == _INVALID and not set(second) >= _LETTERS:
        # As a formula, ``[invalidanswer]`` is the product of its letters, and no formula without them is equal to it.
        # Most answers of a model that does not follow the wording would cost a tenth of a second here.
        return False
    try:
        with cpu_limit(_SECONDS):
            formulas = parse_latex(first), parse_latex(second)
            for formula in formulas:
                refuse_huge(formula)
            return bool(simplify(formulas[0] - formulas[1]) == 0)
    except Exception:
        # A response can make the LaTeX parser raise anything; then the formulas are not equal.
        return False


@functools.cache
def _packages() -> tuple[Any, Any, Any]:
    """Return math_verify, and sympy's ``simplify`` and LaTeX parser."""
    try:
        parse_latex = importlib.import_module("sympy.parsing.latex").parse_latex
        # Fails without the version of the ANTLR runtime that sympy needs.
        parse_latex("1")
        return importlib.import_module("math_verify"), importlib.import_module("sympy").simplify, parse_latex
    except ImportError as error:
        raise MissingPackageError(
            'minerva_math needs math-verify, sympy and antlr4-python3-runtime 4.11: pip install "lm-eval-api[tasks]"'
        ) from error


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the prompt of a problem.

    Args:
        doc: A row with ``problem``.
    """
    return f"Problem:\n{doc['problem']}\n\nSolution:"


def list_fewshot_samples() -> list[dict[str, str]]:
    """Return the four solved problems of the paper."""
    return listed_shots("minerva_math_algebra")


# The names that task folders import from here.
is_equiv = is_equivalent
get_unnormalized_answer = final_answer
normalize_final_answer = normalize
SUBSTITUTIONS = list(_SUBSTITUTIONS)
REMOVED_EXPRESSIONS = list(_REMOVED)
