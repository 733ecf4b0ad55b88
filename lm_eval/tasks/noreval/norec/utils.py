"""NoReC: the F1 of both classes of sentiment."""

from lm_eval.statistics.classification import macro_f1_score as multi_f1

__all__ = ["multi_f1"]
