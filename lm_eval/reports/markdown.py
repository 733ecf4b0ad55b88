"""Lay out Markdown tables that are also aligned on a terminal and fit its width."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Collection, Sequence

from lm_eval.api.result_keys import NOT_AVAILABLE
from lm_eval.reports.columns import WIDTH
from lm_eval.text import visible

__all__ = ["markdown_table", "room", "shown_width", "terminal_width"]

_MIN_FIRST = 5
"""Minimum width of the first column."""


def markdown_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[str] = (),
    width: int | None = None,
) -> str:
    """Lay rows out as a Markdown table.

    If the table would be wider than ``width``, a first cell that is too long pushes the other cells of its row to the
    right; the other rows keep to the width. No cell is shortened, and each row is one line.

    Args:
        head: The titles.
        rows: The cells of each row.
        right: Titles of the columns whose numbers are aligned on the right.
        width: Maximum number of characters in a line, except for rows with a long first cell; None means no limit.

    Returns:
        The table; each line ends with a line break.
    """
    cells = [[visible(cell.replace("|", "\\|").replace("\n", " ")) for cell in row] for row in rows]
    columns = [[row[place] for row in cells] for place in range(len(head))]
    widths = [_column_width(title, column) for title, column in zip(head, columns, strict=True)]
    if width is not None:
        widths[0] = _first_width(head[0], columns[0], width - sum(widths[1:]) - len(head) - 1)
    ends = [title in right and _all_numbers(column) for title, column in zip(head, columns, strict=True)]
    titles = [_centred(title, size) for title, size in zip(head, widths, strict=True)]
    rule = [f"{'-' * (size - 1)}:" if end else "-" * size for size, end in zip(widths, ends, strict=True)]
    lines = [titles, rule]
    lines += [
        [
            _padded(cell, size, align_right=title in right and _is_number(cell, title))
            for cell, size, title in zip(row, widths, head, strict=True)
        ]
        for row in cells
    ]
    return "".join(f"|{'|'.join(line)}|\n" for line in lines)


def terminal_width() -> int | None:
    """Return the width of the terminal that stdout is; None when stdout is no terminal."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else None


def room() -> int:
    """Return the width for tables on stdout: that of the terminal, but at least 100; 100 when stdout is no terminal."""
    return max(WIDTH, terminal_width() or 0)


def shown_width(text: str) -> int:
    """Count the terminal cells that a text takes: two for a wide character, none for a combining one.

    Args:
        text: The text.

    Returns:
        The number of cells.
    """
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _first_width(title: str, column: Sequence[str], room: int) -> int:
    """Return the width of the widest cell that fits; cells that do not fit push their row to the right.

    When fewer than half of the cells fit, the table is too wide anyway, and all rows stay aligned.
    """
    widest = max(_MIN_FIRST, shown_width(title), room)
    fitting = [cell for cell in column if shown_width(cell) <= widest]
    return _column_width(title, fitting if 2 * len(fitting) >= len(column) else column)


def _column_width(title: str, column: Sequence[str]) -> int:
    return max(3, shown_width(title), *map(shown_width, column)) if column else max(3, shown_width(title))


def _padded(cell: str, size: int, *, align_right: bool) -> str:
    padding = " " * (size - shown_width(cell))
    return padding + cell if align_right else cell + padding


def _centred(title: str, size: int) -> str:
    before, odd = divmod(size - shown_width(title), 2)
    return f"{' ' * before}{title}{' ' * (before + odd)}"


def _is_number(cell: str, title: str = "") -> bool:
    if cell == NOT_AVAILABLE:
        return title != "Version"
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _all_numbers(column: Sequence[str]) -> bool:
    filled = [cell for cell in column if cell]
    return bool(filled) and all(cell != NOT_AVAILABLE and _is_number(cell) for cell in filled)
