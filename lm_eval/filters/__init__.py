"""The filters that ship; a task file names them in its ``filter_list``.

``lm_eval.api.filter`` has the base class for filters, ``lm_eval.api.task_parts.pipelines`` builds pipelines of them.
"""

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.registry import get_filter
from lm_eval.api.task_parts.pipelines import build_filter_ensemble

__all__ = ["FilterEnsemble", "build_filter_ensemble", "get_filter"]
