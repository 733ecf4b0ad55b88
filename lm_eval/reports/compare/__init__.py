"""Compare runs, paired by document."""

from __future__ import annotations

from lm_eval.reports.compare.cells import gate_lines
from lm_eval.reports.compare.markdown import to_markdown
from lm_eval.reports.compare.pairing import Pairing, pair_samples
from lm_eval.reports.compare.pairs import PairedRuns
from lm_eval.reports.compare.runs import compare
from lm_eval.reports.compare.strengths import Standing, Strengths, render_strengths, strengths
from lm_eval.reports.compare.text import render, to_text
from lm_eval.reports.compare.types import Comparison, Flip, GateResult, Note, Row, RunInfo, SpeedRow, Verdict

__all__ = [
    "Comparison",
    "Flip",
    "GateResult",
    "Note",
    "PairedRuns",
    "Pairing",
    "Row",
    "RunInfo",
    "SpeedRow",
    "Standing",
    "Strengths",
    "Verdict",
    "compare",
    "gate_lines",
    "pair_samples",
    "render",
    "render_strengths",
    "strengths",
    "to_markdown",
    "to_text",
]
