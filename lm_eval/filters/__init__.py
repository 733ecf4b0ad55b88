"""The filters that ship; a task file names them in its ``filter_list``.

``lm_eval.api.filter`` has the base class for filters, ``lm_eval.api.task_parts.pipelines`` builds pipelines of them.
"""

from typing import TYPE_CHECKING

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.registry import get_filter
from lm_eval.api.task_parts.pipelines import build_filter_ensemble
from lm_eval.compatibility.submodules import submodule

__all__ = ["FilterEnsemble", "build_filter_ensemble", "get_filter"]


if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return submodule(__name__, name)
