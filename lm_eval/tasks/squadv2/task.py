"""The reference harness's path to the task SQuAD 2.0; kept for compatibility."""

from lm_eval.tasks.squadv2.utils import SQuAD2

__all__ = ["SQuAD2"]
