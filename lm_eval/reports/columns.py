"""Lay rows of text out in aligned columns that fit a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lm_eval.text import visible

__all__ = ["WIDTH", "columns", "shorten_middle"]

WIDTH = 100
"""Maximum width of a line, in characters, unless a cell that may not be shortened is wider."""

_MIN_NARROW = 12
"""Columns are not shortened below this width."""
_GAP = "  "


def columns(
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    narrow: Sequence[int] = (),
    max_first: int | None = None,
    width: int = WIDTH,
) -> list[str]:
    """Align the cells of rows.

    Args:
        rows: The cells; the first row may hold the titles. All rows have the same length.
        right: The columns to align on the right.
        narrow: The columns that may be shortened to fit, the widest first; other columns are never shortened.
        max_first: Maximum width of the first column. A longer cell gets its own line, and the other cells of the row
            follow on the next line. None means no limit.
        width: Maximum number of characters in a line.

    Returns:
        One line per row (two for a row with a long first cell), without trailing spaces.
    """
    if not rows:
        return []
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if max_first is not None and widths[0] > max_first:
        widths[0] = max((len(row[0]) for row in rows if len(row[0]) <= max_first), default=max_first)
    while narrow and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(narrow, key=lambda place: widths[place])
        if widths[widest] <= _MIN_NARROW:
            break
        widths[widest] -= 1
    lines = []
    for row in rows:
        if len(row[0]) > widths[0] and max_first is not None:
            lines.append(row[0])
            row = ["", *row[1:]]
        cells = [shorten_middle(cell, widths[place]) for place, cell in enumerate(row)]
        padded = [
            cell.rjust(widths[place]) if place in right else cell.ljust(widths[place])
            for place, cell in enumerate(cells)
        ]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def shorten_middle(text: str, width: int) -> str:
    """Replace the middle of a text that is too long by an ellipsis, so that its start and its end stay readable.

    Args:
        text: The text.
        width: Maximum number of characters, the ellipsis included.

    Returns:
        The text itself when it fits.
    """
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :] if end else ''}"
