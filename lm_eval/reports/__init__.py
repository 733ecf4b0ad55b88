"""Output for people: tables, the HTML report, comparisons, plans, task pages."""

from __future__ import annotations

from lm_eval.reports.table import header_line, make_table

__all__ = ["header_line", "make_table"]
