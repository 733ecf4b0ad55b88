"""A filter that calls a function of the task file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.api.filter import Filter
from lm_eval.api.instance import Doc
from lm_eval.api.registry import register_filter
from lm_eval.errors import ConfigError

__all__ = ["CustomFilter"]


@register_filter("custom")
class CustomFilter(Filter):
    """Apply a function to all responses of a task at once."""

    def __init__(self, *, filter_fn: object = None) -> None:
        """Set the function.

        Args:
            filter_fn: The function, called with the responses of each Instance and their documents.

        Raises:
            ConfigError: There is no function.
        """
        if not callable(filter_fn):
            raise ConfigError("Filter 'custom' needs 'filter_fn', a function of (responses, docs).")
        self.filter_fn = filter_fn

    def apply(self, resps: Iterable[object], docs: Sequence[Doc]) -> Any:
        """Call the function.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance.

        Returns:
            The result of the function.
        """
        return self.filter_fn(resps, docs)
