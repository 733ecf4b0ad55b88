"""The reference harness's path to names of ``lm_eval.task_files``; kept for compatibility."""

from lm_eval.task_files.build import TaskDict
from lm_eval.task_files.manager import TaskManager

__all__ = ["TaskDict", "TaskManager"]
