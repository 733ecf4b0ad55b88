"""Whether the filters and the scoring of a task treat each document alone, as far as its code shows.

The code of this package does, and so does its library of tasks, apart from functions that draw at random: what they
give depends on the documents before. Of other code nothing is known.
"""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import lm_eval
from lm_eval.api.filter import is_one_by_one

if TYPE_CHECKING:
    from lm_eval.api.base_task import Task

__all__ = ["why_scored_together"]

_PACKAGE = Path(lm_eval.__file__).resolve().parent
_LIBRARY = _PACKAGE / "tasks"
_FIELDS = ("doc_to_text", "doc_to_target", "doc_to_choice")
"""Keys that scoring reads, each of one document."""


def why_scored_together(task: Task) -> str:
    """Say why the documents of a task have to be filtered and scored together.

    Args:
        task: The task.

    Returns:
        The reason, as the end of a sentence; empty if each document can be scored alone, which a task also says itself
        with ``scoring: processes``.
    """
    if task.get_config("scoring") == "processes":
        return ""
    for name, code in _code(task):
        if (file := _file(code)) is None or _PACKAGE not in file.parents:
            return f"{name} is code that may look at several documents"
        if _draws(code):
            return f"{name} draws at random"
    for key in _FIELDS:
        field = task.get_config(key)
        if (callable(field) and _draws(field)) or (isinstance(field, str) and "random" in field):
            return f"{key} draws at random"
    return ""


def _code(task: Task) -> Iterator[tuple[str, object]]:
    """Go through the classes and functions that filter or score."""
    yield f"class {type(task).__name__}", type(task)
    if callable(function := task.get_config("process_results")):
        yield "process_results", function
    for pipeline in task.filters:
        for step in pipeline.filters:
            maker = getattr(step, "func", step)
            if not (isinstance(maker, type) and is_one_by_one(maker)):
                yield f"filter {getattr(maker, '__name__', maker)} of pipeline {pipeline.name}", maker
            for option, value in getattr(step, "keywords", {}).items():
                if callable(value):
                    yield f"{option} of pipeline {pipeline.name}", value
    for name, function in task.metric_functions.items():
        yield f"metric {name}", function


def _file(code: object) -> Path | None:
    """Return the file of a class or function; None if that is not known."""
    found = inspect.unwrap(code) if inspect.isfunction(code) else code
    try:
        return Path(inspect.getfile(found)).resolve()  # type: ignore[arg-type]
    except (TypeError, OSError):
        return None


def _draws(code: object) -> bool:
    """Whether the module of some code has ``random``, or one that it uses of its folder or the library has it."""
    seen: set[str] = set()
    file = _file(code)
    folders = {_LIBRARY, *([file.parent] if file is not None and _PACKAGE not in file.parents else [])}
    waiting = [sys.modules.get(getattr(code, "__module__", None) or "")]
    while waiting:
        module = waiting.pop()
        if module is None or module.__name__ in seen or folders.isdisjoint(_parents(module)):
            continue
        seen.add(module.__name__)
        for value in vars(module).values():
            if value is random or getattr(value, "__module__", None) == random.__name__:
                return True
            named = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            waiting.append(sys.modules.get(named) if isinstance(named, str) else None)
    return False


def _parents(module: ModuleType) -> Sequence[Path]:
    file = getattr(module, "__file__", None)
    return Path(file).resolve().parents if file else ()
