"""All runs below a folder: an index that is kept, a summary of each run, and runs that are going on."""

from __future__ import annotations

from lm_eval.reports.runs.index import RunIndex
from lm_eval.reports.runs.live import LiveRun
from lm_eval.reports.runs.summary import RunSummary

__all__ = ["LiveRun", "RunIndex", "RunSummary"]
