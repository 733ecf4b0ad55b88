"""Filters turn responses into the answers that are scored; ``lm_eval.filters`` has the ones that ship."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lm_eval.api.instance import Doc, Instance, RequestError
from lm_eval.api.time_limit import limited
from lm_eval.errors import LMEvalError, ScoringTimeout, TaskFileError

__all__ = ["Filter", "FilterEnsemble", "ResponseFilter", "Unfiltered", "is_one_by_one"]


class Filter(ABC):
    """One step of a filter pipeline, applied to all documents of a task at once.

    Attributes:
        chooses: Whether the step chooses among several repeats, and so is meaningless for a single one.
        one_by_one: Whether the step treats each Instance alone. It is then applied to one Instance at a time, so that
            an error, or a response that takes too long, concerns one document.
    """

    chooses: ClassVar[bool] = False
    one_by_one: ClassVar[bool] = False

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

    one_by_one: ClassVar[bool] = True

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


@dataclass(frozen=True, slots=True)
class Unfiltered:
    """Stands for the result of a pipeline that took too long on an Instance.

    Attributes:
        error: Why the Instance has no result.
    """

    error: RequestError


@dataclass(slots=True)
class FilterEnsemble:
    """A named pipeline of filters.

    Attributes:
        name: Name in the results.
        filters: One function per step that creates its filter; each application of the pipeline creates new filters.
        chooses: Whether a step chooses among several repeats.
        min_repeats: Number of responses to each Instance that the steps need.
        first_only: Whether only the first response to each Instance reaches the metrics.
    """

    name: str
    filters: Sequence[Callable[[], Filter]]
    chooses: bool = False
    min_repeats: int = 1
    first_only: bool = False

    def apply(self, instances: Sequence[Instance]) -> None:
        """Filter the responses of Instances into ``filtered_resps[name]``.

        An Instance for which a step takes too long gets an ``error`` and no result.

        Args:
            instances: Instances with responses.
        """
        resps = [instance.resps for instance in instances]
        filtered = self.filtered(resps, [instance.doc for instance in instances], [i.doc_id for i in instances])
        for instance, result in zip(instances, filtered, strict=True):
            if isinstance(result, Unfiltered):
                instance.error = result.error
            else:
                instance.filtered_resps[self.name] = result

    def filtered(
        self, resps: Iterable[list[Any]], docs: Sequence[Doc], doc_ids: Sequence[int | None] = ()
    ) -> list[Any]:
        """Run responses through the steps.

        Args:
            resps: One entry per Instance: the list of its responses.
            docs: The document of each Instance, in the same order.
            doc_ids: The id of each document, for messages.

        Returns:
            The same number of entries, in the same order; ``Unfiltered`` where a step took too long.

        Raises:
            TaskFileError: A step failed.
        """
        entries: list[Any] = list(resps)
        for create in self.filters:
            step = create()
            left = [index for index, entry in enumerate(entries) if not isinstance(entry, Unfiltered)]
            if is_one_by_one(type(step)):
                for index in left:
                    entries[index] = self._filtered_alone(step, entries[index], docs[index], doc_ids[index:][:1])
                continue
            try:
                given = [entries[index] for index in left]
                results = limited(len(left), lambda s, g, d: list(s.apply(g, d)), step, given, [docs[i] for i in left])
            except LMEvalError:
                raise
            except (Exception, SystemExit, ScoringTimeout) as error:
                raise self._failure(step, "", error) from error
            if len(left) < len(entries):
                for index, result in zip(left, results, strict=True):
                    entries[index] = result
            else:
                entries = results
        return entries

    def _filtered_alone(self, step: Filter, entry: Any, doc: Doc, doc_id: Sequence[int | None]) -> Any:
        """Apply a step to one Instance."""
        where = "".join(f" of doc {number}" for number in doc_id)
        try:
            (result,) = limited(1, step.apply, [entry], [doc])
            return result
        except ScoringTimeout as error:
            message = f"filter pipeline {self.name!r}: {error}"
            return Unfiltered(RequestError("scoring_timeout", message, attempts=0))
        except LMEvalError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failure(step, where, error) from error

    def _failure(self, step: Filter, where: str, error: BaseException) -> TaskFileError:
        return TaskFileError(
            f"filter {type(step).__name__} of pipeline {self.name!r} failed on the responses{where}: "
            f"{type(error).__name__}: {error}"
        )


def is_one_by_one(kind: type[Filter]) -> bool:
    """Whether a filter treats each Instance alone; a subclass that overrides ``apply`` has to say so again.

    Args:
        kind: The class of the filter.
    """
    for base in kind.__mro__:
        if "one_by_one" in vars(base):
            return bool(vars(base)["one_by_one"])
        if "apply" in vars(base):
            return False
    return False
