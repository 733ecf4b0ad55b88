"""The filters that ship; a task file names them in its ``filter_list``.

``lm_eval.api.filter`` has the base class for filters, ``lm_eval.api.pipelines`` builds pipelines of them.
"""

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.pipelines import build_filter_ensemble
from lm_eval.api.registry import get_filter

__all__ = ["FilterEnsemble", "build_filter_ensemble", "get_filter"]
