"""The pieces work is cut into between a list of Instances and their responses.

A ``Unit`` is what one worker takes. It asks zero or more ``Call``s and returns what it finished: answers for
slots, and further units when the work turned out to need them (the windows of a document whose tokens are only
known once the server has counted them). The engine owns order, limits, retries, endpoints and the journal; a unit
owns what is asked and what an answer means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lm_eval.api.instance import Instance, ResponseInfo, Usage

__all__ = ["Answer", "Ask", "Call", "Reply", "Slot", "Unit"]


@dataclass(slots=True)
class Call:
    """One HTTP request.

    Attributes:
        path: What follows the base URL, such as ``/completions``; a path that starts with ``//`` is taken from the
            server's root (``//tokenize``).
        payload: The JSON body; an empty one makes the call a GET (``/models``, ``//props``). Its bytes, the endpoint
            and ``repeat`` are the key in the journal.
        repeat: Which repeat of the same payload this is.
        tokens: An estimate of the tokens it costs, for token limits.
    """

    path: str
    payload: Mapping[str, object]
    repeat: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Reply:
    """The answer to a call.

    Attributes:
        body: The parsed JSON.
        endpoint: The URL that answered.
        attempts: How often the call was sent.
        cached: Whether it came from the journal or the cache.
        usage: The token counts in the body; None when it has none.
    """

    body: object
    endpoint: str = ""
    attempts: int = 1
    cached: bool = False
    usage: Usage | None = None


Ask = Callable[[Call], Awaitable[Reply]]
"""Sends a call, with retries, limits and journal; raises ``APIError`` when it is lost for good."""


class Slot(NamedTuple):
    """A place for one response: a repeat of an Instance."""

    instance: Instance
    repeat: int = 0


@dataclass(slots=True)
class Answer:
    """A finished response for a slot."""

    slot: Slot
    response: object
    info: ResponseInfo = field(default_factory=ResponseInfo)


class Unit(Protocol):
    """What one worker takes: the smallest piece of work that is asked together."""

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that fail when ``run`` raises."""

    def run(self, ask: Ask) -> Awaitable[Sequence[Answer | Unit]]:
        """Do the work.

        Args:
            ask: Sends a call and returns its reply.

        Returns:
            Finished answers, and units still to do.

        Raises:
            APIError: A call was lost for good.
        """
