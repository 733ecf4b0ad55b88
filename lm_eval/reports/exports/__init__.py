"""Write a run in the formats of other projects, one module per format."""

from __future__ import annotations

from lm_eval.reports.exports.facts import About
from lm_eval.reports.exports.write import FORMATS, Exported, export_results

__all__ = ["FORMATS", "About", "Exported", "export_results"]
