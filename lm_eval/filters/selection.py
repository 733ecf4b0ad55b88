"""Filters that choose among the responses to one Instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from lm_eval.api.filter import Filter
from lm_eval.api.registry import register_filter
from lm_eval.errors import ConfigError

__all__ = ["MajorityVoteFilter", "TakeFirstFilter", "TakeKFilter"]


@register_filter("take_first")
class TakeFirstFilter(Filter):
    """Keep the first response, no longer in a list."""

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[Any]:
        """Take the first response of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            A response each.
        """
        return [entry[0] for entry in resps]


@register_filter("take_first_k")
class TakeKFilter(Filter):
    """Keep the first k responses, as a list."""

    chooses: ClassVar[bool] = True

    def __init__(self, **kwargs: Any) -> None:
        """Say how many.

        Args:
            **kwargs: ``k``, the number of responses to keep.

        Raises:
            ConfigError: There is no ``k``.
        """
        if "k" not in kwargs:
            raise ConfigError("Filter 'take_first_k' needs 'k', the number of responses to keep.")
        self.k = int(kwargs.pop("k"))
        super().__init__(**kwargs)

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[Sequence[Any]]:
        """Take the first k responses of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            k responses each.

        Raises:
            ConfigError: The task asks for fewer than k repeats.
        """
        entries = list(resps)
        fewest = min(map(len, entries), default=self.k)
        if fewest < self.k:
            raise ConfigError(
                f"Filter 'take_first_k' needs {self.k} responses a doc, there are {fewest}: "
                f"set the task's 'repeats' to at least {self.k}."
            )
        return [entry[: self.k] for entry in entries]


@register_filter("majority_vote")
class MajorityVoteFilter(Filter):
    """Keep the response given most often; of equals, the one seen first."""

    chooses: ClassVar[bool] = True

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[Any]], docs: Sequence[dict[str, Any]]) -> list[list[Any]]:
        """Vote among the responses of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The Instances' docs.

        Returns:
            A list of one response each.
        """
        return [[Counter(entry).most_common(1)[0][0]] for entry in resps]
