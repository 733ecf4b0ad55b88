"""The reference harness's path to the F1 of CommitmentBank; kept for compatibility."""

from lm_eval.tasks.super_glue.utils import macro_f1 as cb_multi_fi

__all__ = ["cb_multi_fi"]
