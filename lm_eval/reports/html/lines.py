"""Texts cut down to a line of the list."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["common_start", "last_line", "shorten", "without_frame"]


def shorten(text: str, length: int) -> str:
    """Fit a text on a line.

    Args:
        text: Any text.
        length: The most characters.

    Returns:
        The text with single spaces, cut.
    """
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def last_line(text: str) -> str:
    """Return the line of a target that usually has the result.

    Args:
        text: A target.

    Returns:
        Its last line, without the mark some tasks put before a result.
    """
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("#### ") if lines else ""


def common_start(texts: Sequence[str]) -> str:
    """Find what texts begin with, letter by letter.

    Args:
        texts: At least one.

    Returns:
        The longest beginning they share.
    """
    first, last = min(texts), max(texts)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def without_frame(texts: Sequence[str]) -> list[str]:
    """Take off what all questions of a task begin and end with, such as ``Question:`` and ``Answer:``.

    Args:
        texts: The questions; of fewer than three, or of equal ones, nothing is taken.

    Returns:
        Their own parts.
    """
    if len(texts) < 3 or len(set(texts)) == 1:
        return list(texts)
    start = common_start(texts)
    begin = max(start.rfind(": "), start.rfind("\n")) + 1
    ending = common_start([text[begin:][::-1] for text in texts])[::-1]
    cut = ending.find("\n")
    end = len(ending) - cut if cut >= 0 else 0
    return [text[begin : len(text) - end].strip() for text in texts]
