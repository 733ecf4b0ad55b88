"""JFinQA: the prompt with paragraphs and a table, and answers compared as texts and as numbers.

Japanese amounts have units (1,234百万円), ▲ for minus, and full-width digits; two numbers that differ by at most one
percent of the right one are equal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TypedDict

_TOLERANCE = 0.01
_GIVEN = re.compile("(?:Answer|answer|A|回答)\\s*[:\uff1a]\\s*(.+)")
_UNITS = ("百万円", "千円", "億円", "兆円", "円", "ドル", "ポイント", "pt", "bps")
# The first one that occurs decides, so 百万 is looked for after 千.
_MULTIPLIERS = {"千": 1_000, "百万": 1_000_000, "億": 100_000_000, "兆": 1_000_000_000_000}
_NOT_OF_NUMBERS = re.compile(r"[^\d.\-+]")


class Doc(TypedDict, total=False):
    """A row of JFinQA."""

    pre_text: list[str]
    post_text: list[str]
    table_headers: list[str]
    table_rows: list[list[str]]
    question: str
    answer: str


def doc_to_text(doc: Doc) -> str:
    """Return the paragraphs, the table in Markdown and the question.

    Args:
        doc: A row; every part may be missing.

    Returns:
        The prompt, with an empty line between its parts.
    """
    parts: list[str] = []
    if before := doc.get("pre_text"):
        parts.append("\n".join(before))
    if headers := doc.get("table_headers"):
        lines = [headers, ["---"] * len(headers), *doc.get("table_rows", [])]
        parts.append("\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines))
    if after := doc.get("post_text"):
        parts.append("\n".join(after))
    parts.append(f"Question: {doc.get('question', '')}\nAnswer:")
    return "\n\n".join(parts)


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Compare a response with the answer.

    Args:
        doc: A row with ``answer``.
        results: The one response.

    Returns:
        ``exact_match`` of the normalized texts and ``numerical_match``, 1 or 0.
    """
    gold = doc.get("answer", "")
    given = _given_answer(results[0] if results else "")
    return {
        "exact_match": float(_normalize(given) == _normalize(gold)),
        "numerical_match": float(_is_same_number(given, gold)),
    }


def _given_answer(response: str) -> str:
    """Return what follows "Answer:" on its line, else the last line with text."""
    if stated := _GIVEN.search(response):
        return stated[1].strip()
    return next(filter(None, map(str.strip, reversed(response.splitlines()))), "")


def _normalize(answer: str) -> str:
    text = unicodedata.normalize("NFKC", answer.strip())
    text = re.sub("^[△▲]", "-", text)
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    text = text.removesuffix("しました") if text.endswith("しました") else text.removesuffix("した")
    return text.lower().strip()


def _number(answer: str) -> float | None:
    text = _normalize(answer)
    for unit in _UNITS:
        text = text.removesuffix(unit)
    factor = 1
    for word, value in _MULTIPLIERS.items():
        if word in text:
            text, factor = text.replace(word, ""), value
            break
    try:
        return float(_NOT_OF_NUMBERS.sub("", text)) * factor
    except ValueError:
        return None


def _is_same_number(given: str, gold: str) -> bool:
    number, right = _number(given), _number(gold)
    if number is not None and right is not None:
        return abs(number - right) / abs(right) <= _TOLERANCE if right else not number
    return _normalize(given) == _normalize(gold)
