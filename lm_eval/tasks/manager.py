"""A door under the reference harness's path: the code is in ``lm_eval.task_files.manager``."""

from lm_eval.task_files.manager import TaskDict, TaskManager

__all__ = ["TaskDict", "TaskManager"]
