r"""HRM8K: prompts in Korean and English, and the comparison of a response with the answer.

The answer of a response is what its last ``\boxed`` holds; else what stands between dollar signs; else what follows the
last equals sign; else the last number.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypedDict

from lm_eval.tasks.agieval.utils import final_answer as parse_math_answer
from lm_eval.tasks.hendrycks_math.utils import rewrite


class Doc(TypedDict):
    """A row of HRM8K: the question in Korean and in English, and the answer."""

    question: str
    original: str
    answer: str | float


def doc_to_text(doc: Doc) -> str:
    """Return the Korean prompt of a problem.

    Args:
        doc: A row with ``question``.

    Returns:
        The prompt.
    """
    return (
        "주어진 문제를 풀어보세요.\n"
        "문제를 푼 후, 최종 답변을 다음과 같은 형식으로 작성하세요: $\\boxed{N}$.\n\n"
        f"문제: {doc['question'].strip()}\n답변:"
    )


def doc_to_text_mmmlu(doc: Doc) -> str:
    """Return the Korean prompt of a problem with four choices.

    Args:
        doc: A row with ``question``.

    Returns:
        The prompt.
    """
    return (
        "주어진 문제를 풀어보세요.\n"
        "문제를 푼 후, 주어진 선택지 (1, 2, 3, 4) 중 최종 선택지를 다음 형식으로 작성하세요: $\\boxed{N}$.\n\n"
        f"문제: {doc['question'].strip()}\n답변:"
    )


def doc_to_text_en(doc: Doc) -> str:
    """Return the English prompt of a problem.

    Args:
        doc: A row with ``original``.

    Returns:
        The prompt.
    """
    return (
        "Solve the given question.\n"
        "After solving the problem, state your final answer in the following format: $\\boxed{N}$.\n\n"
        f"Question: {doc['original'].strip()}\nAnswer:"
    )


def doc_to_text_mmmlu_en(doc: Doc) -> str:
    """Return the English prompt of a problem with four choices.

    Args:
        doc: A row with ``original``.

    Returns:
        The prompt.
    """
    return (
        "Solve the given question.\n"
        "After solving the problem, state your final choice among the choices (1, 2, 3, 4) in the following format: "
        f"$\\boxed{{N}}$.\n\nQuestion: {doc['original'].strip()}\nAnswer:"
    )


def doc_to_target(doc: Doc) -> str:
    """Return the answer; a number in its shortest form.

    Args:
        doc: A row with ``answer``.

    Returns:
        The text.
    """
    return _short(doc["answer"])


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, int]:
    """Compare a response with the answer.

    Args:
        doc: A row with ``answer``.
        results: The one response.

    Returns:
        ``exact_match``, 1 or 0.
    """
    given, gold = parse_math_answer(results[0]), parse_math_answer(_short(doc["answer"]))
    if given is None or gold is None:
        return {"exact_match": int(given == gold)}
    try:
        equal = _short(rewrite(given, keep_slashes=True)) == rewrite(gold, keep_slashes=True)
    except ValueError:
        equal = given == gold
    return {"exact_match": int(equal)}


def _short(answer: str | float) -> str:
    text = str(answer).strip()
    with suppress(ValueError):
        number = float(text)
        text = str(int(number) if number.is_integer() else number)
    return text
