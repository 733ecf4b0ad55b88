"""The rows of one category of Uncheatable Eval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.tasks.shared.rows import read_table, row_filter

if TYPE_CHECKING:
    from lm_eval.tasks.shared.rows import RowFilter

_CATEGORIES = [row["category"] for row in read_table(Path(__file__).with_name("categories.tsv"))]


def __getattr__(name: str) -> RowFilter:
    """Return ``filter_<category>``, which keeps the rows of that category."""
    return row_filter(name, {f"filter_{category}": category for category in _CATEGORIES}, "category")
