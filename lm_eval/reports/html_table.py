"""Tables in HTML that stand alone, for notebooks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from lm_eval.text import visible

__all__ = ["html_table", "number"]


def html_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    above: Sequence[str] = (),
    below: Sequence[str] = (),
) -> str:
    """Write a table; every text is escaped, because names and messages may come from elsewhere.

    Args:
        head: The titles of the columns.
        rows: The cells of each row.
        right: The titles of the columns that are aligned on the right.
        above: Lines above the table.
        below: Lines below it.

    Returns:
        HTML without styles of its own for colours, so that it fits a dark and a light notebook.
    """
    sides = ["right" if title in right else "left" for title in head]
    body = [
        "".join(f'<td style="text-align:{side}">{_text(cell)}</td>' for cell, side in zip(row, sides, strict=True))
        for row in rows
    ]
    lines = [
        *(f"<div>{_text(line)}</div>" for line in above),
        "<table><thead><tr>",
        *(f'<th style="text-align:{side}">{_text(title)}</th>' for title, side in zip(head, sides, strict=True)),
        "</tr></thead><tbody>",
        *(f"<tr>{cells}</tr>" for cells in body),
        "</tbody></table>",
        *(f"<div>{_text(line)}</div>" for line in below),
    ]
    return "\n".join(lines)


def number(value: float | None, digits: int = 4, *, times: bool = False) -> str:
    """Format a number for a cell.

    Args:
        value: The number; None for an empty cell.
        digits: Number of decimals.
        times: Whether it is a factor.

    Returns:
        The text.
    """
    return "" if value is None else f"{'x' if times else ''}{value:.{digits}f}"


def _text(text: str) -> str:
    shown = escape(visible(text))
    # Spaces at the start show how deep a task is within its groups.
    indent = len(shown) - len(shown.lstrip(" "))
    return "&nbsp;" * indent + shown[indent:]
