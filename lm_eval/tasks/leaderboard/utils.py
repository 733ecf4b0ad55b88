r"""Open LLM Leaderboard: the questions of MuSR, and the scores of MATH in the leaderboard's version.

A response to a problem of MATH is scored twice: with ``math_verify``, and by the rules of
the Minerva paper (Lewkowycz et al., 2022, appendix D), which require the sentence "Final Answer: The final answer is
... I hope it is correct." Later corrections of those rules are left out, so that scores stay comparable.
"""

from __future__ import annotations

import ast
import functools
import importlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.errors import MissingPackageError
from lm_eval.tasks.hendrycks_math.utils import boxed_answer
from lm_eval.tasks.shared.cpu_limit import cpu_limit, in_main_thread
from lm_eval.tasks.shared.number_size import refuse_huge

if TYPE_CHECKING:
    from datasets import Dataset

INVALID_ANSWER = "[invalidanswer]"
_PACKAGES = ("sympy", "math_verify", "antlr4")
_CLOSING = "I hope it is correct."
_FINAL = re.compile(r"Final Answer: The final answer is(.*?). I hope it is correct.")

# Appendix D: first replaced, then removed, in this order.
SUBSTITUTIONS = (
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
_WORDS = (
    r"square ways integers dollars mph inches ft hours km units \ldots sue points feet minutes digits cents"
    " degrees cm gm pounds meters meals edges students childrentickets multiples"
)
REMOVED_EXPRESSIONS = (
    *_WORDS.split(),
    *("\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}"),
    *(r"\mathrm{th}", r"^\circ", r"^{\circ}", r"\;", r",\!", "{,}", '"', "\\dots"),
)
# Wrappers of an answer and what remains of them; then short forms and their long forms.
_WRAPPINGS = (
    (re.compile(r"(.*?)(\$)(.*?)(\$)(.*)"), r"$\3$"),
    (re.compile(r"(\\text\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\textbf\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\overline\{)(.*?)(\})"), r"\2"),
    (re.compile(r"(\\boxed\{)(.*)(\})"), r"\2"),
    (re.compile(r"(frac)([^{])(.)"), r"frac{\2}{\3}"),
    (re.compile(r"(sqrt)([^{])"), r"sqrt{\2}"),
)


def musr_question(doc: dict[str, Any]) -> str:
    """Write a story, its question and the numbered choices.

    Args:
        doc: A row with ``narrative``, ``question`` and ``choices``, the latter as Python source.

    Returns:
        The prompt.
    """
    choices = ast.literal_eval(doc["choices"])
    numbered = "".join(f"{number} - {choice}\n" for number, choice in enumerate(choices, 1))
    return f"{doc['narrative']}\n\n{doc['question']}\n\n{numbered}\nAnswer:"


def hardest_problems(dataset: Dataset) -> Dataset:
    """Keep the problems of level 5.

    Args:
        dataset: Rows with ``problem``, ``level`` and ``solution``.

    Returns:
        Rows with ``problem``, ``solution`` and the final ``answer``.

    Raises:
        MissingPackageError: A package that scoring needs is missing; raised here, before the model is asked.
    """
    for package in _PACKAGES:
        _package(package)
    rows = dataset.select([row for row, level in enumerate(dataset["level"]) if level == "Level 5"])
    return rows.map(lambda doc: {"answer": _gold(doc["solution"])})


def score_answer(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Score a response in both ways.

    Args:
        doc: A row from :func:`hardest_problems`.
        results: The one response.

    Returns:
        ``exact_match`` by ``math_verify``, ``exact_match_original`` by the rules of the paper.
    """
    judge, response = _package("math_verify"), results[0]
    # math_verify limits time with signals, which work only in the main thread.
    seconds = 5 if in_main_thread() else None
    found = judge.parse(response, parsing_timeout=seconds)
    gold = judge.parse(doc["solution"], [judge.LatexExtractionConfig()], parsing_timeout=seconds)
    return {
        "exact_match": int(bool(judge.verify(gold, found, timeout_seconds=seconds))),
        "exact_match_original": int(follows_paper(response, doc["answer"])),
    }


def follows_paper(response: str, answer: str) -> bool:
    """Return whether a response ends in the sentence of the prompt, with the right answer.

    Args:
        response: What the model wrote, up to the next problem.
        answer: The right answer.

    Returns:
        True if the answer is written like the right one, or if sympy finds them equal within 1 s.
    """
    written = get_unnormalized_answer(response)
    if written == INVALID_ANSWER:
        return False
    found, gold = normalize(written), normalize(answer)
    return found.strip() == gold.strip() or is_equal(found, gold)


def get_unnormalized_answer(text: str) -> str:
    """Find the final answer of a response, by the wording of the few-shot examples.

    Args:
        text: The response; the last sentence may be missing, since generation stops there.

    Returns:
        The answer, or ``INVALID_ANSWER``.
    """
    sentence = _FINAL.search(text + _CLOSING)
    return INVALID_ANSWER if sentence is None else sentence[1].strip()


def normalize(answer: str) -> str:
    """Normalize the spelling of an answer.

    Args:
        answer: LaTeX text.

    Returns:
        The text after the last ``=``, without units, words, dollar signs, and commas in numbers.
    """
    answer = answer.split("=")[-1]
    for old, new in SUBSTITUTIONS:
        answer = answer.replace(old, new)
    for text in REMOVED_EXPRESSIONS:
        answer = answer.replace(text, "")
    for pattern, kept in _WRAPPINGS:
        answer = pattern.sub(kept, answer)
    answer = answer.replace("$", "")
    digits = answer.replace(",", "")
    return digits if digits.isdigit() else answer


def _gold(solution: str) -> str:
    try:
        return boxed_answer(solution)
    except ValueError:
        return INVALID_ANSWER


def is_equal(first: str, second: str) -> bool:
    """Return whether two normalized answers are equal.

    Args:
        first: LaTeX text.
        second: LaTeX text.

    Returns:
        Whether sympy simplifies the difference to 0; False if it fails or takes too long.
    """
    simplify, read = _algebra()
    try:
        with cpu_limit(1):
            formulas = read(first), read(second)
            for formula in formulas:
                refuse_huge(formula)
            return bool(simplify(formulas[0] - formulas[1]) == 0)
    except Exception:
        return False


@functools.cache
def _algebra() -> tuple[Any, Any]:
    """Return sympy's ``simplify`` and LaTeX parser, after one use of each: the first use is slow."""
    simplify, read = _package("sympy").simplify, _package("sympy.parsing.latex").parse_latex
    simplify(read("x") - read("\\frac{1}{2}"))
    return simplify, read


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise MissingPackageError(f'leaderboard_math_hard needs {package}: pip install "lm-eval-api[tasks]"') from error
