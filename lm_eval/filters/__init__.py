"""The filters that ship, and how a pipeline is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from lm_eval.api.filter import Filter, FilterEnsemble
from lm_eval.api.registry import get_filter

__all__ = ["FilterEnsemble", "build_filter_ensemble", "get_filter"]


def build_filter_ensemble(filter_name: str, components: Sequence[Sequence[Any]]) -> FilterEnsemble:
    """Put a pipeline together.

    Args:
        filter_name: The pipeline's name in the results.
        components: Its steps in order: pairs of a registered name (or a filter class) and its options,
            a mapping or None.

    Returns:
        The pipeline; its filters are made anew each time it is applied.

    Raises:
        UnknownNameError: No filter has a step's name.
    """
    makers: list[Callable[[], Filter]] = []
    for function, *rest in components:
        options: Mapping[str, Any] = (rest[0] if rest else None) or {}
        makers.append(partial(get_filter(function), **options))
    return FilterEnsemble(name=filter_name, filters=makers)
