"""The reference harness's path to names of ``lm_eval.task_files.index``; kept for compatibility."""

from lm_eval.task_files.index import Entry, Kind, TaskIndex

__all__ = ["Entry", "Kind", "TaskIndex"]
