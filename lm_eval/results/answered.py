"""Which documents are complete while the model still answers others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["AnsweredDocument", "Documents", "by_document"]


@dataclass(slots=True)
class AnsweredDocument:
    """A document of which every Instance has its responses or its error.

    Attributes:
        name: The name of the task in the run.
        task: The task.
        doc_id: The index of the document in its split.
        instances: All Instances of the document, in the order of ``idx``.
    """

    name: str
    task: Task
    doc_id: int
    instances: list[Instance]


class Documents:
    """Hands on each document of a run once the last of its Instances is answered."""

    def __init__(self, complete: Iterable[Callable[[AnsweredDocument], None]] = ()) -> None:
        """Wait for no document.

        Args:
            complete: Called in this order with each complete document, from ``answered``.
        """
        self._complete = list(complete)
        self._open: dict[int, tuple[AnsweredDocument, list[int]]] = {}

    def also(self, complete: Callable[[AnsweredDocument], None]) -> None:
        """Call one more function with each complete document.

        Args:
            complete: The function.
        """
        self._complete.append(complete)

    def expect(self, name: str, task: Task, instances: Iterable[Instance]) -> None:
        """Wait for the answers of documents.

        Args:
            name: The name of the task in the run.
            task: The task.
            instances: All Instances of these documents.
        """
        for doc_id, group in by_document(instances).items():
            entry = AnsweredDocument(name, task, doc_id, group), [len(group)]
            self._open.update((id(instance), entry) for instance in group)

    def answered(self, instance: Instance) -> None:
        """Hand on the document of an Instance, if this was the last that it waited for.

        Args:
            instance: An Instance with its responses or its error; one that is not expected is ignored.
        """
        entry = self._open.pop(id(instance), None)
        if entry is None:
            return
        document, left = entry
        left[0] -= 1
        if not left[0]:
            for take in self._complete:
                take(document)


def by_document(instances: Iterable[Instance]) -> dict[int, list[Instance]]:
    """Group the Instances of a task.

    Args:
        instances: The Instances.

    Returns:
        The id of each document to its Instances, in the order of ``idx``.
    """
    docs: dict[int, list[Instance]] = {}
    for instance in instances:
        docs.setdefault(instance.doc_id or 0, []).append(instance)
    for group in docs.values():
        group.sort(key=lambda instance: instance.idx)
    return docs
