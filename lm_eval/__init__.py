"""Evaluate language models behind OpenAI-compatible APIs.

``simple_evaluate`` runs tasks on a model and returns the results, ``plan`` tells beforehand how much that would ask,
``rescore`` scores saved responses again; ``TaskManager`` finds tasks. They are imported when first used, so that
``import lm_eval`` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.evaluator import evaluate, simple_evaluate
    from lm_eval.planning import plan
    from lm_eval.rescoring import rescore
    from lm_eval.task_files.manager import TaskManager

    __version__: str

__all__ = ["TaskManager", "__version__", "evaluate", "plan", "rescore", "simple_evaluate"]

_HOMES = {
    "evaluate": "lm_eval.evaluator",
    "plan": "lm_eval.planning",
    "rescore": "lm_eval.rescoring",
    "simple_evaluate": "lm_eval.evaluator",
    "TaskManager": "lm_eval.task_files.manager",
}


if not TYPE_CHECKING:  # a type checker would take every name for one that exists

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import PackageNotFoundError, version

            try:
                value: Any = version("lm-eval-api")
            except PackageNotFoundError:  # run from a source tree that is not installed
                value = "0+unknown"
        elif name in _HOMES:
            value = getattr(importlib.import_module(_HOMES[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
