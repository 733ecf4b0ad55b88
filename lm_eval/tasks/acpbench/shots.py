"""The examples of the tasks with generated answers, which share planning domains and problems."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from lm_eval.errors import nearest

_SHARED = ("PDDL_domain", "PDDL_problem")


def __getattr__(name: str) -> Callable[[], list[dict[str, Any]]]:
    """Return the function of a task's name, which gives the examples of the task."""
    tasks = {} if name.startswith("__") else _written()["tasks"]
    if name not in tasks:
        close = nearest(name, tasks)
        raise AttributeError(f"no examples of {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
    return partial(_examples, name)


def _examples(task: str) -> list[dict[str, Any]]:
    texts = _written()["texts"]
    return [
        {key: texts[value] if key in _SHARED else value for key, value in shot.items()}
        for shot in _written()["tasks"][task]
    ]


@cache
def _written() -> dict[str, Any]:
    import yaml

    written: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("_shots.yaml").read_text(encoding="utf-8"))
    return written
