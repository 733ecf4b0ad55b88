"""Saved responses through the present filters and metrics, without asking the model again."""

from __future__ import annotations

from lm_eval.rescoring._changes import change_lines
from lm_eval.rescoring._rescore import rescore

__all__ = ["change_lines", "rescore"]
