"""The reference harness's path to names of ``lm_eval.task_files``; kept for compatibility."""

from typing import TYPE_CHECKING

from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.task_files.build import TaskDict
from lm_eval.task_files.manager import TaskManager

__all__ = ["TaskDict", "TaskManager"]

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)
