"""The Instances of a run: the first ones are built before the model is asked, the others while it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.api.current_run import CurrentRun, during

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance
    from lm_eval.api.task import Task

__all__ = ["BUILT_BEFORE_ASKING", "FIRST_OF_MANY", "Requests", "TaskRequests"]

BUILT_BEFORE_ASKING = 10_000
"""Number of Instances after which the model is asked. A run with fewer is built completely, so that a mistake in any
document ends the run before anything is paid for. A document that cannot be built later counts as lost."""
FIRST_OF_MANY = 1000
"""Number of Instances of a task after which the model is asked, if the task has more documents than may be built
before: not all of them could be checked, and so the first answers come sooner."""


@dataclass(slots=True)
class TaskRequests:
    """The Instances of one task.

    Attributes:
        name: The name of the task in the run.
        task: The task.
        built: The Instances that are built and not yet handed on.
        rest: Builds the Instances of one document after the other; None when all are built.
        finish: Called when the last Instance is built.
        docs: Number of documents of the task in this run.
    """

    name: str
    task: Task
    built: list[Instance] = field(default_factory=list)
    rest: Iterator[list[Instance]] | None = None
    finish: Callable[[], None] | None = None
    docs: int = 0
    _docs: int = 0
    _built_in_all: int = 0

    def build_first(self, count: int, docs: Callable[[], int]) -> None:
        """Build the Instances of one document, and further ones until a number is built.

        Args:
            count: The number, if the task has no more documents than that; ``FIRST_OF_MANY`` if it has more.
            docs: Returns the number of documents of the task in this run.
        """
        self.built += self.next_document()  # where a dataset that cannot be loaded is an error of the task
        self.docs = docs()
        if self.docs > count:
            count = min(count, FIRST_OF_MANY)
        while self.rest is not None and len(self.built) < count:
            self.built += self.next_document()

    def next_document(self) -> list[Instance]:
        """Build the Instances of the next document; none after the last one."""
        assert self.rest is not None
        group = next(self.rest, None)
        if group is None:
            self.rest = None
            if self.finish is not None:
                self.finish()
            return []
        self._docs += 1
        self._built_in_all += len(group)
        return group

    def still_to_build(self) -> int:
        """Estimate how many Instances are not built."""
        if self.rest is None or not self._docs:
            return 0
        return round(max(0, self.docs - self._docs) * self._built_in_all / self._docs)


class Requests:
    """All Instances of a run in the order of its tasks and documents; can be gone through once.

    ``operator.length_hint`` tells how many are still to come.
    """

    def __init__(
        self,
        tasks: Sequence[TaskRequests],
        run: CurrentRun,
        expect: Callable[[str, Task, list[Instance]], None],
        lost: Callable[[Instance], None] | None = None,
    ) -> None:
        """Hand on nothing yet.

        Args:
            tasks: The tasks, with the Instances that are built.
            run: What the code of a task may know of the run.
            expect: Called with all Instances of some documents before they are handed on.
            lost: Called with each Instance that stands for a document that cannot be built, instead of handing it on.
        """
        self._tasks, self._run, self._expect, self._lost = tasks, run, expect, lost

    @property
    def complete(self) -> bool:
        """Whether all Instances are built."""
        return all(item.rest is None for item in self._tasks)

    def __iter__(self) -> Iterator[Instance]:
        """Hand on the Instances of one task after the other; build those that are not built."""
        for item in self._tasks:
            built, item.built = item.built, []
            self._expect(item.name, item.task, built)
            yield from built
            del built
            while item.rest is not None:
                with during(self._run):
                    group = item.next_document()
                self._expect(item.name, item.task, group)
                for instance in group:
                    if instance.error is None or self._lost is None:
                        yield instance
                    else:
                        self._lost(instance)

    def __length_hint__(self) -> int:
        """Estimate how many Instances are still to come."""
        return sum(len(item.built) + item.still_to_build() for item in self._tasks)
