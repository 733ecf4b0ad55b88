"""From the ``filter_list`` of a task file to pipelines of filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lm_eval.api.filter import Filter, FilterEnsemble
from lm_eval.api.registry import get_filter
from lm_eval.errors import TaskFileError

__all__ = ["build_filter_ensemble", "build_filters"]

_DEFAULT = [{"name": "none", "filter": [{"function": "take_first"}]}]


def build_filter_ensemble(filter_name: str, components: Sequence[Sequence[Any]]) -> FilterEnsemble:
    """Build one pipeline.

    Args:
        filter_name: Name of the pipeline in the results.
        components: The steps in order: pairs of a registered name (or a filter class) and its options, which are a
            mapping or None.

    Returns:
        The pipeline. It creates its filters anew each time it is applied.

    Raises:
        UnknownNameError: No filter has the name of a step.
    """
    steps: list[Callable[[], Filter]] = []
    chooses = False
    for function, *rest in components:
        maker = get_filter(function)
        steps.append(partial(maker, **(rest[0] if rest and rest[0] is not None else {})))
        chooses = chooses or bool(getattr(maker, "chooses", False))
    return FilterEnsemble(name=filter_name, filters=steps, chooses=chooses)


def build_filters(filter_list: Sequence[Mapping[str, object]] | None) -> list[FilterEnsemble]:
    """Build the filter pipelines of a task.

    Args:
        filter_list: As in a task file: ``[{name, filter: [{function, ...}]}]``.

    Returns:
        The pipelines. Without any, there is one named ``none`` that takes the first response.

    Raises:
        UnknownNameError: A filter is not registered.
        TaskFileError: An entry has the wrong shape.
    """
    pipelines = []
    for entry in filter_list or _DEFAULT:
        written = entry.get("filter") if isinstance(entry, Mapping) and "name" in entry else None
        if not isinstance(written, list):
            raise TaskFileError(f"each entry has 'name' and a list 'filter', unlike {entry!r}", key="filter_list")
        steps = []
        for step in written:
            if not isinstance(step, Mapping) or "function" not in step:
                raise TaskFileError(f"a filter without 'function': {step!r}", key="filter_list")
            steps.append((step["function"], {key: value for key, value in step.items() if key != "function"}))
        pipelines.append(build_filter_ensemble(str(entry["name"]), steps))
    return pipelines
