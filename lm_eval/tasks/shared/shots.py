"""The few-shot examples that a task file lists, for code that wants them without the task."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

__all__ = ["listed_shots"]


def listed_shots(task: str) -> list[dict[str, Any]]:
    """Return the few-shot examples in the file of a task of this package.

    Args:
        task: The name of the task.

    Returns:
        A copy of the documents.

    Raises:
        KeyError: There is no such task, or its file lists no examples.
    """
    from lm_eval.task_files.manager import TaskManager

    config = TaskManager().task_index[task].cfg or {}
    fewshot = config["fewshot_config"]
    if not isinstance(fewshot, Mapping) or not isinstance(fewshot["samples"], list):
        raise KeyError(f"{task} lists no few-shot examples")
    return deepcopy(fewshot["samples"])
