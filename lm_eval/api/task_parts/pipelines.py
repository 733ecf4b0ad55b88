"""From the ``filter_list`` of a task file to pipelines of filters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lm_eval.api.filter import Filter, FilterEnsemble, ResponseFilter
from lm_eval.api.registry import get_filter
from lm_eval.errors import ConfigError, TaskFileError, did_you_mean

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
        TaskFileError: A filter does not take its options.
    """
    steps: list[Callable[[], Filter]] = []
    chooses, min_repeats, first_only, alone = False, 1, False, True
    for function, *rest in components:
        maker = get_filter(function)
        options = rest[0] if rest and rest[0] is not None else {}
        _check_options(function, maker, options)
        steps.append(partial(maker, **options))
        first_only = first_only or (alone and function == "take_first")
        alone = alone and (
            function == "take_first_k" or (isinstance(maker, type) and issubclass(maker, ResponseFilter))
        )
        chooses = chooses or bool(getattr(maker, "chooses", False))
        if function == "take_first_k":
            min_repeats = max(min_repeats, options["k"])
    return FilterEnsemble(filter_name, steps, chooses, min_repeats, first_only)


def _check_options(name: object, maker: Callable[..., Filter], options: Mapping[str, object]) -> None:
    """Refuse options that a filter does not take; a filter of this package is created once, to check their values."""
    shown = getattr(name, "__name__", name)
    try:
        taken = inspect.signature(maker)
    except (TypeError, ValueError):
        return
    try:
        taken.bind(**options)
    except TypeError as error:
        names = [key for key, parameter in taken.parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
        unknown = "".join(did_you_mean(key, names) for key in options if key not in names)
        raise TaskFileError(f"filter {shown!r}: {error}.{unknown}", key="filter_list") from error
    if getattr(maker, "__module__", "").startswith("lm_eval.filters."):
        try:
            maker(**options)
        except (ConfigError, TypeError, ValueError) as error:
            raise TaskFileError(f"filter {shown!r}: {error}", key="filter_list") from error


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
    pipelines: list[FilterEnsemble] = []
    for entry in filter_list or _DEFAULT:
        written = entry.get("filter") if isinstance(entry, Mapping) and "name" in entry else None
        if not isinstance(written, list):
            raise TaskFileError(f"each entry has 'name' and a list 'filter', unlike {entry!r}", key="filter_list")
        steps = []
        for step in written:
            if not isinstance(step, Mapping) or "function" not in step:
                raise TaskFileError(f"a filter without 'function': {step!r}", key="filter_list")
            steps.append((step["function"], {key: value for key, value in step.items() if key != "function"}))
        if any(pipeline.name == str(entry["name"]) for pipeline in pipelines):
            raise TaskFileError(f"two entries have the name {entry['name']!r}", key="filter_list")
        pipelines.append(build_filter_ensemble(str(entry["name"]), steps))
    return pipelines
