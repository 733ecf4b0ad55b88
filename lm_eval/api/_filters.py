"""A task's filter pipelines, from what its file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.registry import get_filter
from lm_eval.errors import TaskFileError

__all__ = ["build_filters"]

_DEFAULT = [{"name": "none", "filter": [{"function": "take_first"}]}]


class _Make:
    """Makes a filter; kept instead of the filter so that each application starts afresh."""

    def __init__(self, function: Any, options: Mapping[str, Any]) -> None:
        self.maker = get_filter(function)
        self.options = dict(options)

    def __call__(self) -> Any:
        return self.maker(**self.options)


def build_filters(filter_list: Sequence[Mapping[str, Any]] | None) -> list[FilterEnsemble]:
    """Build a task's filter pipelines.

    Args:
        filter_list: As in a task file: ``[{name, filter: [{function, ...}]}]``.

    Returns:
        The pipelines; the one named ``none`` that takes the first response when there are none.

    Raises:
        UnknownNameError: A filter is not registered.
        TaskFileError: An entry is not shaped as it should be.
    """
    pipelines = []
    for entry in filter_list or _DEFAULT:
        if not isinstance(entry, Mapping) or "name" not in entry or not isinstance(entry.get("filter"), list):
            raise TaskFileError(f"each entry has 'name' and a list 'filter', unlike {entry!r}", key="filter_list")
        steps = []
        for step in entry["filter"]:
            if not isinstance(step, Mapping) or "function" not in step:
                raise TaskFileError(f"a filter without 'function': {step!r}", key="filter_list")
            steps.append(_Make(step["function"], {k: v for k, v in step.items() if k != "function"}))
        chooses = any(getattr(step.maker, "chooses", False) for step in steps)
        pipelines.append(FilterEnsemble(name=str(entry["name"]), filters=steps, chooses=chooses))
    return pipelines
