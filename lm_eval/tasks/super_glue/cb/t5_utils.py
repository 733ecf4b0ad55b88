"""The reference harness's path to the scores of CommitmentBank for T5; kept for compatibility."""

from lm_eval.tasks.super_glue.utils import macro_f1 as agg_mean_3class_f1
from lm_eval.tasks.super_glue.utils import mean_3class_f1

__all__ = ["agg_mean_3class_f1", "mean_3class_f1"]
