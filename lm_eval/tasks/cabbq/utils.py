"""The Catalan BBQ is scored as the Spanish one."""

from __future__ import annotations

from lm_eval.tasks.esbbq.utils import (
    acc_ambig_agg,
    acc_disambig_agg,
    bias_score_ambig_agg,
    bias_score_disambig_agg,
    process_results,
)

__all__ = [
    "acc_ambig_agg",
    "acc_disambig_agg",
    "bias_score_ambig_agg",
    "bias_score_disambig_agg",
    "process_results",
]
