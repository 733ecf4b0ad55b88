"""Filters turn responses into the answers that are scored; ``lm_eval.filters`` has the ones that ship."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lm_eval.api.instance import Doc, Instance

__all__ = ["Filter", "FilterEnsemble", "ResponseFilter"]


class Filter(ABC):
    """One step of a filter pipeline, applied to all documents of a task at once.

    Attributes:
        chooses: Whether the step chooses among several repeats, and so is meaningless for a single one.
    """

    chooses: ClassVar[bool] = False

    def __init__(self, **kwargs: object) -> None:
        """Ignore options; subclasses name the ones that they use.

        Args:
            **kwargs: The keys next to ``function`` in the ``filter_list`` of a task.
        """

    @abstractmethod
    def apply(self, resps: Iterable[Any], docs: Sequence[Doc]) -> Iterable[Any]:
        """Transform the responses.

        Args:
            resps: One entry per Instance: the list of its responses, or the result of the previous step.
            docs: The document of each Instance, in the same order.

        Returns:
            The same number of entries, in the same order.
        """


class ResponseFilter(Filter):
    """A filter that transforms each response independently; subclasses override ``transform``."""

    def apply(self, resps: Iterable[Any], docs: Sequence[Doc]) -> list[Any]:
        """Transform each response.

        Args:
            resps: The responses of each Instance.
            docs: The document of each Instance.

        Returns:
            The transformed responses of each Instance.
        """
        return [[self.transform(response) for response in entry] for entry in resps]

    @abstractmethod
    def transform(self, response: Any) -> object:
        """Return the new value of a response.

        Args:
            response: The response, or the result of the previous step.
        """


@dataclass(slots=True)
class FilterEnsemble:
    """A named pipeline of filters.

    Attributes:
        name: Name in the results.
        filters: One function per step that creates its filter; each application of the pipeline creates new filters.
        chooses: Whether a step chooses among several repeats.
    """

    name: str
    filters: Sequence[Callable[[], Filter]]
    chooses: bool = False

    def apply(self, instances: Sequence[Instance]) -> None:
        """Filter the responses of Instances into ``filtered_resps[name]``.

        Args:
            instances: Instances with responses.
        """
        resps = self.filtered([instance.resps for instance in instances], [instance.doc for instance in instances])
        for instance, filtered in zip(instances, resps, strict=True):
            instance.filtered_resps[self.name] = filtered

    def filtered(self, resps: Iterable[list[Any]], docs: Sequence[Doc]) -> list[Any]:
        """Run responses through the steps.

        Args:
            resps: One entry per Instance: the list of its responses.
            docs: The document of each Instance, in the same order.

        Returns:
            The same number of entries, in the same order.
        """
        entries: list[Any] = list(resps)
        for create in self.filters:
            entries = list(create().apply(entries, docs))
        return entries
