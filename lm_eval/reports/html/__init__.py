"""Write a run as one HTML file that needs no server and no network: its scores and all its samples."""

from __future__ import annotations

from lm_eval.reports.html.page import write_report

__all__ = ["write_report"]
