"""The pieces of work between a list of Instances and their responses.

One worker takes one ``Unit``. The unit sends zero or more calls, and returns answers for its slots. It may also return
further units, such as the windows of a document, which are known only after the server has counted its tokens. The
engine decides about order, limits, retries, endpoints and the journal; the unit decides what is sent and what a reply
means.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from lm_eval.api.instance import Instance, ResponseInfo, Usage
from lm_eval.errors import LMEvalError

if TYPE_CHECKING:
    from lm_eval.models.http.timing import Timing

__all__ = ["Answer", "Ask", "Call", "Postponed", "Replayed", "Reply", "Slot", "Unit"]


@dataclass(slots=True)
class Call:
    """One HTTP request.

    Attributes:
        path: The API path after the base URL, such as ``/completions``; a path that starts with ``//`` is relative to
            the root of the server (``//tokenize``).
        payload: The JSON body; empty for a GET (``/models``, ``//props``). Its bytes, the path, the endpoints and
            ``repeat`` are the key in the journal.
        repeat: The number of the repeat of the same payload.
        tokens: An estimate of its tokens, for rate limits; 0 if unknown.
    """

    path: str
    payload: Mapping[str, object]
    repeat: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Reply:
    """The reply to a call.

    Attributes:
        body: The parsed JSON.
        endpoint: The URL that answered, without credentials.
        attempts: How often the call was sent.
        cached: Whether the reply came from the journal or the cache.
        usage: The token counts in the body; None if it has none.
        timing: How long it took; None if it is cached.
    """

    body: object
    endpoint: str = ""
    attempts: int = 1
    cached: bool = False
    usage: Usage | None = None
    timing: Timing | None = None


Ask = Callable[[Call], Awaitable[Reply]]
"""Sends a call, with journal, retries and limits; raises ``APIError`` if the call fails for good."""


class Postponed(LMEvalError):
    """A call waits for a batch; the unit that made it runs again when the batch has ended.

    Attributes:
        number: The number of the file that has the call.
    """

    def __init__(self, number: int) -> None:
        """Store the number.

        Args:
            number: The number of the file.
        """
        self.number = number
        super().__init__(f"The answer comes with batch {number}.")


class Slot(NamedTuple):
    """The place for one response: one repeat of one Instance."""

    instance: Instance
    repeat: int = 0


@dataclass(slots=True)
class Answer:
    """The response for a slot."""

    slot: Slot
    response: object
    info: ResponseInfo = field(default_factory=ResponseInfo)


@runtime_checkable
class Replayed(Protocol):
    """A unit that uses replies which may be at fault when the server rejects its last call, such as token ids."""

    def replay(self, ask: Ask) -> Awaitable[Sequence[Answer | Unit]]:
        """Make the same calls once more, on the journal, to see which they are.

        Args:
            ask: Looks a call up in the journal.
        """


class Unit(Protocol):
    """The smallest piece of work that one worker takes."""

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that are lost if ``run`` raises."""

    def run(self, ask: Ask) -> Awaitable[Sequence[Answer | Unit]]:
        """Do the work.

        Args:
            ask: Sends a call and returns its reply.

        Returns:
            Answers, and further units.

        Raises:
            APIError: A call failed for good.
        """
