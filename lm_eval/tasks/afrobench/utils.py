"""The aggregation that AfroBench's classification tasks name."""

from __future__ import annotations

from lm_eval.utils import weighted_f1_score

__all__ = ["weighted_f1_score"]
