"""What a person looks at."""

from __future__ import annotations

from lm_eval.reports.table import header_line, make_table

__all__ = ["header_line", "make_table"]
