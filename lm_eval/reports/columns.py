"""Rows of text as columns that line up, no wider than a terminal likes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["WIDTH", "columns", "shortened"]

WIDTH = 100
"""The most characters of a line that is not widened by something that must stay whole."""

_LEAST = 12
_GAP = "  "


def columns(
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    narrow: Sequence[int] = (),
    hanging: int | None = None,
    width: int = WIDTH,
) -> list[str]:
    """Line rows up.

    Args:
        rows: The cells; the first row may hold the titles. All rows are of equal length.
        right: The columns that end, rather than start, at the same place.
        narrow: The columns that may be shortened to fit, the widest first; the others stay whole.
        hanging: The widest first column; after a cell that is wider the others follow on a line of their own.
        width: The most characters of a line.

    Returns:
        A line a row, without white space at its end.
    """
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if hanging is not None and widths[0] > hanging:
        widths[0] = max((len(row[0]) for row in rows if len(row[0]) <= hanging), default=hanging)
    while narrow and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(narrow, key=lambda place: widths[place])
        if widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
    lines = []
    for row in rows:
        if len(row[0]) > widths[0] and hanging is not None:
            lines.append(row[0])
            row = ["", *row[1:]]
        cells = [shortened(cell, widths[place]) for place, cell in enumerate(row)]
        padded = [
            cell.rjust(widths[place]) if place in right else cell.ljust(widths[place])
            for place, cell in enumerate(cells)
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def shortened(text: str, width: int) -> str:
    """Take the middle out of a text that is too long, so that its start and its end can be read.

    Args:
        text: The text.
        width: The most characters.

    Returns:
        The text, or its start and end around an ellipsis.
    """
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :] if end else ''}"
