"""The reference harness's path to names of ``lm_eval.task_files.loader``; kept for compatibility."""

from lm_eval.task_files.loader import load_yaml

__all__ = ["load_yaml"]
