"""Filters that choose among the responses to one Instance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar, TypeVar

from lm_eval.api.filter import Filter
from lm_eval.api.instance import Doc
from lm_eval.api.registry import register_filter
from lm_eval.errors import ConfigError

__all__ = ["MajorityVoteFilter", "TakeFirstFilter", "TakeKFilter"]

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)


@register_filter("take_first")
class TakeFirstFilter(Filter):
    """Keep the first response, without a list around it."""

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[T]], docs: Sequence[Doc]) -> list[T]:
        """Take the first response of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance.

        Returns:
            One response per Instance.
        """
        return [entry[0] for entry in resps]


@register_filter("take_first_k")
class TakeKFilter(Filter):
    """Keep the first k responses, as a list."""

    chooses: ClassVar[bool] = True

    def __init__(self, *, k: int | None = None) -> None:
        """Set the number of responses.

        Args:
            k: Number of responses to keep.

        Raises:
            ConfigError: There is no ``k``, or it is no number of responses.
        """
        if k is None:
            raise ConfigError("Filter 'take_first_k' needs 'k', the number of responses to keep.")
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ConfigError(f"k is a whole number of at least 1, not {k!r}.")
        self.k = k

    def apply(self, resps: Iterable[Sequence[T]], docs: Sequence[Doc]) -> list[Sequence[T]]:
        """Take the first k responses of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance.

        Returns:
            k responses per Instance.

        Raises:
            ConfigError: The task asks for fewer than k repeats.
        """
        entries = list(resps)
        fewest = min(map(len, entries), default=self.k)
        if fewest < self.k:
            raise ConfigError(
                f"Filter 'take_first_k' needs {self.k} responses per doc, there are {fewest}: "
                f"set the task's 'repeats' to at least {self.k}."
            )
        return [entry[: self.k] for entry in entries]


@register_filter("majority_vote")
class MajorityVoteFilter(Filter):
    """Keep the most frequent response; of equally frequent ones, the first."""

    chooses: ClassVar[bool] = True

    def __init__(self) -> None:
        """Take no options."""

    def apply(self, resps: Iterable[Sequence[H]], docs: Sequence[Doc]) -> list[list[H]]:
        """Vote among the responses of each Instance.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance.

        Returns:
            A list of one response per Instance.
        """
        return [[Counter(entry).most_common(1)[0][0]] for entry in resps]
