"""Turns Instances into slots, and puts responses back in the order of the Instances and their repeats."""

from __future__ import annotations

import heapq
import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from lm_eval.api.instance import Instance, RequestError, ResponseInfo, Usage
from lm_eval.api.model import NO_EARLIER_ANSWER, Answered
from lm_eval.errors import RequestsLost
from lm_eval.models.work import Answer, Slot

__all__ = ["ListedResponses", "Responses", "add_usage", "in_prefix_order"]


_PART, _FIRST_PART = 10_000, 1000
"""Number of Instances of an iterator that are put in an order. It is a compromise: more share longer prefixes, fewer
begin sooner and take less memory. The first part is smaller, and each has up to twice as many as the one before."""


def in_prefix_order(instances: Sequence[Instance]) -> list[Instance]:
    """Order Instances so that prompts with a common prefix are neighbours, for the server's prefix cache.

    Tasks keep their order. Within a task and a request type, prompts are sorted as text, so that prompts with a long
    common prefix are next to each other. Tasks that ask the same prompts with different settings are merged, because
    the cache no longer has the prompts of one task when the next task begins.

    Args:
        instances: The Instances of a run.

    Returns:
        The same Instances, in the new order.
    """
    groups: dict[tuple[str | None, str], list[Instance]] = {}
    for instance in instances:
        groups.setdefault((instance.task_name, instance.request_type), []).append(instance)
    by_first_prompt: dict[tuple[str, str], list[list[Instance]]] = {}
    for group in groups.values():
        group.sort(key=_prompt_text)
        # Tasks with the same first prompt probably have the same prompts; if not, merging them does no harm.
        by_first_prompt.setdefault((group[0].request_type, _prompt_text(group[0])), []).append(group)
    return [instance for same in by_first_prompt.values() for instance in heapq.merge(*same, key=_prompt_text)]


def _prompt_text(instance: Instance) -> str:
    prompt = instance.args[0] if instance.args else ""
    return prompt if isinstance(prompt, str) else str(prompt)


class Responses:
    """Collects answers in any order, and writes them to their Instances in the order of the repeats.

    Attributes:
        total: Number of responses to come; an estimate as long as an iterator has more Instances.
        scored: Whether any response of the Instances so far is a log-likelihood.
        usage: Task name to the tokens of all complete Instances, cached answers included; without tasks whose answers
            have no token counts.
        thoughts: Called with the token counts of each response, if it is set.
    """

    def __init__(self, instances: Iterable[Instance], complete: Answered | None = None) -> None:
        """Create one slot per repeat of each Instance.

        Args:
            instances: The Instances; ``resps``, ``info`` and ``error`` are overwritten. Those of an iterator are taken
                in parts, when their slots are asked for.
            complete: Called once for each Instance that has all its responses, or its error; not for one that is not
                asked, because the run ends early. None calls nothing.
        """
        self._complete = complete
        self._followers: dict[int, list[Instance]] = {}
        self._originals: dict[int, tuple[Instance, Instance]] = {}
        self._late: list[Slot] = []
        self._open: dict[int, Instance] = {}
        self._to_come: dict[int, int] = {}
        self._begun = self._ahead = 0
        self.scored = False
        self.usage: dict[str, Usage] = {}
        self.thoughts: Callable[[Usage], None] | None = None
        in_parts = not isinstance(instances, Sequence)
        self._source = instances
        self._rest = iter(instances)
        self._first = self._begin(list(itertools.islice(self._rest, _FIRST_PART if in_parts else None)))

    @property
    def total(self) -> int:
        """Number of responses to come."""
        rest = 0 if isinstance(self._source, Sequence) else operator.length_hint(self._source)
        return self._begun + self._ahead + rest

    def _begin(self, instances: list[Instance]) -> list[Instance]:
        # An Instance that follows others no longer says so when it is asked.
        self._waiting = {id(instance) for instance in instances if instance.follows is not None}
        for instance in instances:
            repeats = instance.repeats or 1
            instance.resps, instance.info, instance.error = [_MISSING] * repeats, [], None
            self._begun += repeats
            self._open[id(instance)] = instance
            if instance.follows is not None:
                self._wait(instance, instance.follows.earlier[-1])
        self.scored = self.scored or any(instance.request_type != "generate_until" for instance in instances)
        return instances

    def slots(self) -> Iterator[Slot]:
        """Yield all slots that do not wait for others, in the order in which they are sent.

        With each slot of one part, Instances of the next part are taken, so that no slot waits for a whole part to be
        built.
        """
        part, self._first = self._first, []
        while part:
            following: list[Instance] = []
            each = 2 if 2 * len(part) <= _PART else 1
            late, self._late = self._late, []
            yield from late
            for instance in in_prefix_order(part):
                for repeat in range(instance.repeats or 1) if id(instance) not in self._waiting else ():
                    yield Slot(instance, repeat)
                following += itertools.islice(self._rest, each)
                self._ahead = len(following)
            part, self._ahead = self._begin(following), 0

    def _wait(self, instance: Instance, earlier: Instance) -> None:
        """Let an Instance wait for another one, of which some repeats may be complete."""
        if id(earlier) in self._open:
            self._followers.setdefault(id(earlier), []).append(instance)
        for repeat in range(instance.repeats or 1):
            if earlier.error is not None:
                self.lost(Slot(instance, repeat), NO_EARLIER_ANSWER)
            elif earlier.resps[repeat : repeat + 1] not in ([], [_MISSING]):
                self._late.append(self._following(instance, repeat))

    def _following(self, instance: Instance, repeat: int) -> Slot:
        """Return the slot of an Instance whose prompt can be completed."""
        assert instance.follows is not None
        arguments = (instance.follows.prompt(repeat), *instance.args[1:])
        if not repeat:
            instance.arguments = arguments
        if (instance.repeats or 1) == 1:
            instance.follows = None
            return Slot(instance)
        asked = replace(instance, arguments=arguments, follows=None)  # Each repeat has a prompt of its own.
        self._originals[id(asked)] = (asked, instance)
        return Slot(asked, repeat)

    def _original(self, slot: Slot) -> Instance:
        """Return the Instance that a slot belongs to."""
        return self._originals.pop(id(slot.instance), (None, slot.instance))[1]

    def answered(self, answer: Answer) -> list[Slot]:
        """Store an answer.

        Args:
            answer: The answer.

        Returns:
            The slots that have waited for it.
        """
        instance, repeat = self._original(answer.slot), answer.slot.repeat
        followers = self._followers.get(id(instance), ())
        instance.resps[repeat] = answer.response
        if not instance.info:
            instance.info = [_NO_INFO] * len(instance.resps)
        instance.info[repeat] = answer.info
        self._count(instance)
        return [self._following(follower, repeat) for follower in followers]

    def lost(self, slot: Slot, error: RequestError) -> int:
        """Register that a slot gets no response, and those that wait for it neither.

        Args:
            slot: The slot.
            error: The reason.

        Returns:
            The number of these slots.
        """
        instance = self._original(slot)
        followers = self._followers.get(id(instance), ())
        instance.error = error
        self._count(instance)
        return 1 + sum(self.lost(Slot(follower, slot.repeat), NO_EARLIER_ANSWER) for follower in followers)

    def _count(self, instance: Instance) -> None:
        """Hand an Instance on with the last of its slots."""
        if (repeats := len(instance.resps)) > 1:
            left = self._to_come.pop(id(instance), repeats) - 1
            if left:
                self._to_come[id(instance)] = left
                return
        del self._open[id(instance)]
        self._followers.pop(id(instance), None)
        self._close(instance)
        if self._complete is not None:
            self._complete(instance)

    def _close(self, instance: Instance) -> None:
        instance.follows = None
        if len(instance.resps) > 1 or instance.resps[0] is _MISSING:
            _finish(instance)
        add_usage(self.usage, instance)
        if self.thoughts is not None:
            for info in instance.info:
                if info.usage is not None:
                    self.thoughts(info.usage)

    def finish(self) -> None:
        """Remove empty slots, and set an error on the Instances that have one."""
        for instance in self._open.values():
            self._close(instance)
        self._open.clear()


def _finish(instance: Instance) -> None:
    if any(response is _MISSING for response in instance.resps):
        instance.error = instance.error or _NOT_ASKED
        instance.resps = [response for response in instance.resps if response is not _MISSING]
        instance.info = [info for info in instance.info if info is not _NO_INFO]


def add_usage(found: dict[str, Usage], instance: Instance) -> None:
    """Add the tokens of an Instance to those of its task.

    Args:
        found: Task name to tokens.
        instance: The Instance.
    """
    for info in instance.info:
        if info.usage is not None:
            found.setdefault(instance.task_name or "", Usage()).add(info.usage)


class ListedResponses:
    """Collects answers as the list that a request method returns; an Instance listed n times has n repeats.

    Attributes:
        total: Number of responses to come.
        scored: Whether any response is a log-likelihood.
    """

    def __init__(self, requests: Sequence[Instance]) -> None:
        """Create one slot per entry.

        Args:
            requests: The argument of the request method.
        """
        self.total = len(requests)
        self.scored = any(request.request_type != "generate_until" for request in requests)
        self._results: list[Any] = [_MISSING] * self.total
        self._errors: list[RequestError] = []
        self._requests = list(requests)
        self._infos: list[ResponseInfo] = [_NO_INFO] * self.total
        self._indexes: dict[tuple[int, int], int] = {}
        self._slots: list[Slot] = []
        seen: dict[int, int] = {}
        for index, request in enumerate(requests):
            repeat = seen.get(id(request), 0)
            seen[id(request)] = repeat + 1
            self._indexes[id(request), repeat] = index
            self._slots.append(Slot(request, repeat))
            request.error = None

    def slots(self) -> Iterator[Slot]:
        """Yield all slots."""
        return iter(self._slots)

    def answered(self, answer: Answer) -> list[Slot]:
        """Store an answer.

        Args:
            answer: The answer.

        Returns:
            No slots: none waits for another one.
        """
        index = self._indexes[id(answer.slot.instance), answer.slot.repeat]
        self._results[index], self._infos[index] = answer.response, answer.info
        return []

    def lost(self, slot: Slot, error: RequestError) -> int:
        """Register that a slot gets no response.

        Args:
            slot: The slot.
            error: The reason.

        Returns:
            1, the number of such slots.
        """
        slot.instance.error = error
        self._errors.append(error)
        return 1

    def finish(self, answering: Collection[int] = ()) -> list[Any]:
        """Return the responses.

        Args:
            answering: The ids (``id``) of the Instances that a method of the model class is about to answer. If the
                list has no others, these Instances get the facts about their responses; one that is lost keeps its
                error, and an empty response takes its place in the list.

        Returns:
            One response per entry, in the order of the entries.

        Raises:
            RequestsLost: A request failed, and the list cannot express that.
        """
        if answering and all(id(request) in answering for request in self._requests):
            return self._placed()
        if self._errors:
            first = self._errors[0].message
            raise RequestsLost(f"{len(self._errors)} of {self.total} requests were lost, first: {first}")
        if any(result is _MISSING for result in self._results):
            raise RequestsLost(f"Not all of {self.total} requests were answered")
        return self._results

    def _placed(self) -> list[Any]:
        for request in self._requests:
            request.info = []
        for index, request in enumerate(self._requests):
            if self._results[index] is _MISSING:
                request.error = request.error or _NOT_ASKED
                self._results[index] = _EMPTY[request.request_type]
            else:
                request.info.append(self._infos[index])
        return self._results


_MISSING: Any = object()
_NOT_ASKED = RequestError("not_asked", "The run ended before this was answered", attempts=0)
_NO_INFO = ResponseInfo(outcome="missing")
_EMPTY: dict[str, Any] = {
    "generate_until": "",
    "loglikelihood": (math.nan, False),
    "loglikelihood_rolling": math.nan,
}
"""What stands in a list for a lost response of each request type."""
