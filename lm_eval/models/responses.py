"""From Instances to places for responses and back: order, repeats, errors."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lm_eval.api.instance import Instance, RequestError, ResponseInfo, Usage
from lm_eval.errors import APIError
from lm_eval.models.work import Answer, Slot

__all__ = ["ListedResponses", "Responses", "in_prefix_order"]


def in_prefix_order(instances: Sequence[Instance]) -> list[Instance]:
    """Order Instances so that prompts with the same start are neighbours, for a server's prefix cache.

    Tasks keep their order; within a task and a request type prompts are sorted as text, which puts every two prompts
    next to those they share the longest start with. Tasks that ask the same prompts, with settings of their own, go
    together: a server has long forgotten the prompts of a task when the next one begins.

    Args:
        instances: The Instances of a run.

    Returns:
        The same Instances.
    """
    groups: dict[tuple[str | None, str], list[Instance]] = {}
    for instance in instances:
        groups.setdefault((instance.task_name, instance.request_type), []).append(instance)
    alike: dict[tuple[str, str], list[list[Instance]]] = {}
    for group in groups.values():
        group.sort(key=_prompt_text)
        # Two tasks that begin with the same prompt are taken to go on alike; if not, they are only interleaved.
        alike.setdefault((group[0].request_type, _prompt_text(group[0])), []).append(group)
    return [instance for same in alike.values() for instance in heapq.merge(*same, key=_prompt_text)]


def _prompt_text(instance: Instance) -> str:
    prompt = instance.args[0] if instance.args else ""
    return prompt if isinstance(prompt, str) else str(prompt)


class Responses:
    """Collects answers in any order and writes them onto their Instances in the order of the repeats.

    Attributes:
        total: How many responses there will be.
        scored: Whether any of them is a log-likelihood.
    """

    def __init__(self, instances: Iterable[Instance]) -> None:
        """Make a place for each repeat of each Instance.

        Args:
            instances: The Instances; their ``resps``, ``info`` and ``error`` are overwritten.
        """
        self._instances = list(instances)
        self.total = 0
        self.scored = any(instance.request_type != "generate_until" for instance in self._instances)
        for instance in self._instances:
            repeats = instance.repeats or 1
            instance.resps, instance.info, instance.error = [_MISSING] * repeats, [], None
            self.total += repeats

    def slots(self) -> Iterator[Slot]:
        """Yield all places, in the order they are to be asked."""
        for instance in in_prefix_order(self._instances):
            for repeat in range(instance.repeats or 1):
                yield Slot(instance, repeat)

    def answered(self, answer: Answer) -> None:
        """Put an answer in its place.

        Args:
            answer: The answer.
        """
        instance, repeat = answer.slot
        instance.resps[repeat] = answer.response
        if not instance.info:
            instance.info = [_NO_INFO] * len(instance.resps)
        instance.info[repeat] = answer.info

    def lost(self, slot: Slot, error: RequestError) -> None:
        """Note that a response will never come.

        Args:
            slot: Its place.
            error: Why.
        """
        slot.instance.error = error

    def finish(self) -> None:
        """Take away the places that stayed empty; an Instance that has one carries an error."""
        for instance in self._instances:
            if any(response is _MISSING for response in instance.resps):
                instance.error = instance.error or _NOT_ASKED
                instance.resps = [response for response in instance.resps if response is not _MISSING]
                instance.info = [info for info in instance.info if info is not _NO_INFO]

    def usage_by_task(self) -> dict[str, Usage]:
        """Add up the tokens of all answers, those from a file with them.

        Returns:
            Task to its tokens; nothing for a task none of whose answers had counts.
        """
        found: dict[str, Usage] = {}
        for instance in self._instances:
            for info in instance.info:
                if info.usage is not None:
                    found.setdefault(instance.task_name or "", Usage()).add(info.usage)
        return found


class ListedResponses:
    """Collects answers as the list a request method returns; the n-th place of an Instance is its n-th repeat.

    Attributes:
        total: How many responses there will be.
        scored: Whether any of them is a log-likelihood.
    """

    def __init__(self, requests: Sequence[Instance]) -> None:
        """Make a place for each entry.

        Args:
            requests: What the request method got.
        """
        self.total = len(requests)
        self.scored = any(request.request_type != "generate_until" for request in requests)
        self._results: list[Any] = [_MISSING] * self.total
        self._losses: list[RequestError] = []
        self._places: dict[tuple[int, int], int] = {}
        self._slots: list[Slot] = []
        seen: dict[int, int] = {}
        for place, request in enumerate(requests):
            repeat = seen.get(id(request), 0)
            seen[id(request)] = repeat + 1
            self._places[id(request), repeat] = place
            self._slots.append(Slot(request, repeat))
            request.error = None

    def slots(self) -> Iterator[Slot]:
        """Yield all places."""
        return iter(self._slots)

    def answered(self, answer: Answer) -> None:
        """Put an answer in its place.

        Args:
            answer: The answer.
        """
        self._results[self._places[id(answer.slot.instance), answer.slot.repeat]] = answer.response

    def lost(self, slot: Slot, error: RequestError) -> None:
        """Note that a response will never come.

        Args:
            slot: Its place.
            error: Why.
        """
        slot.instance.error = error
        self._losses.append(error)

    def finish(self) -> list[Any]:
        """Return the responses.

        Returns:
            One an entry, in the order of the entries.

        Raises:
            APIError: Some were lost; a list of responses has no place for that.
        """
        if self._losses:
            raise APIError(f"{len(self._losses)} of {self.total} requests were lost, first: {self._losses[0].message}")
        if any(result is _MISSING for result in self._results):
            raise APIError(f"Not all of {self.total} requests were answered")
        return self._results


_MISSING: Any = object()
_NOT_ASKED = RequestError("not_asked", "The run ended before this was answered", attempts=0)
_NO_INFO = ResponseInfo(outcome="missing")
