"""ChartQA: exact answers, and numbers that may differ by 5 % (Masry et al., 2022, section 5.1)."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

__all__ = ["anywhere_accuracy", "exact_match", "relaxed_accuracy"]

_TOLERANCE = 0.05
_TINY = 1e-10
_ANSWER = "answer:"


def exact_match(references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Score 1 if the answer ends in ``Final Answer: …`` with the right text, in any case.

    Args:
        references: The right answer.
        predictions: The answer.
    """
    found = re.search(r"(?:Final Answer|FINAL ANSWER): (.+)$", predictions[0], re.IGNORECASE)
    right = found is not None and found.group(1).strip().lower().removesuffix(".") == references[0].strip().lower()
    return {"exact_match": float(right)}


def relaxed_accuracy(references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Score 1 if what follows the last ``answer:`` is right, with a tolerance for numbers.

    Args:
        references: The right answer.
        predictions: The answer.
    """
    final = _final_answer(predictions[0])
    return {"relaxed_accuracy": float(bool(final) and _is_right(final, references[0]))}


def anywhere_accuracy(references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Score as ``relaxed_accuracy``; an answer without ``answer:`` is right if the right one stands anywhere in it.

    Args:
        references: The right answer.
        predictions: The answer.
    """
    final = _final_answer(predictions[0])
    right = _is_right(final, references[0]) if final else _stands_in(references[0], predictions[0])
    return {"anywhere_accuracy": float(right)}


def _final_answer(answer: str) -> str:
    """Return the first line with text after the last ``answer:``, without Markdown."""
    plain = re.sub(r"([aA]nswer)\**:\**", r"\1:", answer)
    place = plain.lower().rfind(_ANSWER)
    if place < 0:
        return ""
    lines = plain[place + len(_ANSWER) :].split("\n")
    return re.sub(r"[*_\[\]\(\)]", "", next((line.strip() for line in lines if line.strip()), ""))


def _plain(text: str) -> str:
    """Return a text without quotation marks, or a number without separators and currency."""
    if not any(sign.isdigit() for sign in text):
        quoted = any(text.startswith(mark) and text.endswith(mark) for mark in "\"'")
        return text[1:-1] if quoted else text
    while text and text[-1] != "%" and (text[-1] in string.punctuation or text[-1].isspace()):
        text = text[:-1]
    return text.replace(",", "").replace("$", "")


def _number(text: str) -> float | None:
    try:
        return float(text.strip().rstrip("%"))
    except ValueError:
        return None


def _is_right(prediction: str, target: str) -> bool:
    ours, theirs = _plain(prediction), _plain(target)
    a, b = _number(ours), _number(theirs)
    if a is not None and b is not None:
        return _numbers_agree(a, ours.strip().endswith("%"), b, theirs.strip().endswith("%"))
    if len(theirs) == 1 and theirs.isalpha() and ours:
        return ours[0].lower() == theirs.lower()
    return ours.rstrip(string.punctuation).lower() == theirs.lower()


def _numbers_agree(a: float, a_is_percent: bool, b: float, b_is_percent: bool) -> bool:
    """Compare numbers as they are, and a percentage also as a fraction."""
    if _close(a, b):
        return True
    if not (a_is_percent or b_is_percent):
        return False
    return _close(a / 100 if a_is_percent else a, b) or _close(a, b / 100 if b_is_percent else b)


def _close(a: float, b: float) -> bool:
    return abs(a - b) / max(abs(b), _TINY) <= _TOLERANCE


def _stands_in(target: str, answer: str) -> bool:
    try:
        number = float(target)
        whole: float | int = int(number) if int(number) == number else number
    except (ValueError, OverflowError):
        phrases = (f"is {target}", f"was {target}", f" {target}.", f"are {target}", f"\n\n{target}")
        return any(phrase.lower() in answer for phrase in phrases)
    return format(whole, ",") in answer or str(whole) in answer
