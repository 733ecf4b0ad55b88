"""What turns responses into what is scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lm_eval.api.instance import Instance

__all__ = ["Filter", "FilterEnsemble"]


class Filter(ABC):
    """One step of a filter pipeline, applied to all docs of a task at once.

    Attributes:
        chooses: Whether the step chooses among several repeats, so that it makes no sense of one alone.
    """

    chooses: ClassVar[bool] = False

    def __init__(self, **kwargs: Any) -> None:
        """Accept a task file's options; subclasses name the ones they know.

        Args:
            **kwargs: The keys beside ``function`` in a task's ``filter_list``.
        """

    @abstractmethod
    def apply(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> Iterable[Any]:
        """Transform the responses.

        Args:
            resps: An entry an Instance: the list of its responses, or what the step before made of it.
            docs: The Instances' docs, in the same order.

        Returns:
            As many entries, in the same order.
        """


@dataclass(slots=True)
class FilterEnsemble:
    """A named pipeline of filters.

    Attributes:
        name: Its name in the results.
        filters: Makers of its steps; each application gets fresh ones.
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

    def filtered(self, resps: Iterable[Any], docs: Sequence[dict[str, Any]]) -> list[Any]:
        """Run responses through the steps.

        Args:
            resps: An entry an Instance: the list of its responses.
            docs: The Instances' docs, in the same order.

        Returns:
            As many entries, in the same order.
        """
        entries = list(resps)
        for make in self.filters:
            entries = list(make().apply(entries, docs))
        return entries
