"""Evaluate language models behind OpenAI-compatible APIs.

``simple_evaluate`` runs tasks on a model and returns the results; ``simple_evaluate_async`` does so in a running event
loop. ``plan`` shows how much a run would ask, and asks nothing. ``rescore`` scores saved responses again.
``TaskManager`` finds tasks. These names are imported at first use, so that ``import lm_eval`` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lm_eval.evaluator import evaluate, simple_evaluate
    from lm_eval.evaluator_async import simple_evaluate_async
    from lm_eval.planning import plan
    from lm_eval.rescoring import rescore
    from lm_eval.task_files.manager import TaskManager

    __version__: str

__all__ = ["TaskManager", "__version__", "evaluate", "plan", "rescore", "simple_evaluate", "simple_evaluate_async"]

_HOMES = {
    "evaluate": "lm_eval.evaluator",
    "plan": "lm_eval.planning",
    "rescore": "lm_eval.rescoring",
    "simple_evaluate": "lm_eval.evaluator",
    "simple_evaluate_async": "lm_eval.evaluator_async",
    "TaskManager": "lm_eval.task_files.manager",
}


if not TYPE_CHECKING:  # with __getattr__, a type checker would accept any name

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import PackageNotFoundError, version

            try:
                value: object = version("lm-eval-api")
            except PackageNotFoundError:  # run from a source tree that is not installed
                value = "0+unknown"
        elif name in _HOMES:
            value = getattr(importlib.import_module(_HOMES[name]), name)
        else:
            from lm_eval.compatibility.submodules import submodule

            return submodule(__name__, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
