"""Shorten texts to one line of the list."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.text import shorten

__all__ = ["common_start", "last_line", "one_line", "without_frame"]


def one_line(text: str, limit: int) -> str:
    """Fit a text on a line.

    Args:
        text: Any text.
        limit: Maximum number of characters.

    Returns:
        The text with single spaces, cut at its end.
    """
    # The rest of a long text cannot be on the line, so do not split it into words.
    return shorten(" ".join(text[: limit * 4].split()), limit)


def last_line(text: str) -> str:
    """Return the line of a target that usually holds the result.

    Args:
        text: A target.

    Returns:
        Its last line, without the ``####`` that GSM8K puts before a result.
    """
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("#### ") if lines else ""


def common_start(texts: Sequence[str]) -> str:
    """Find the longest text that all texts start with.

    Args:
        texts: At least one text.

    Returns:
        The common start.
    """
    first, last = min(texts), max(texts)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def without_frame(texts: Sequence[str]) -> list[str]:
    """Remove what all questions of a task start and end with, such as ``Question:`` and ``Answer:``.

    Args:
        texts: The questions. Fewer than three, or equal ones, are returned unchanged.

    Returns:
        The part of each question that differs.
    """
    if len(texts) < 3 or len(set(texts)) == 1:
        return list(texts)
    start = common_start(texts)
    begin = max(start.rfind(": "), start.rfind("\n")) + 1
    ending = common_start([text[begin:][::-1] for text in texts])[::-1]
    cut = ending.find("\n")
    end = len(ending) - cut if cut >= 0 else 0
    return [text[begin : len(text) - end].strip() for text in texts]
