"""Fields that a server refuses: learnt from its first refusal, and left out or renamed where no score changes."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from lm_eval.errors import APIError, RequestRejected
from lm_eval.models.http.hints import refused_field
from lm_eval.models.work import Ask, Call, Reply

__all__ = ["RefusedFields", "ask_learning", "learning"]

eval_logger = logging.getLogger("lm_eval")

_RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_HARMLESS = {
    "seed": "it is left out: the server chooses its own random numbers",
    "stop": "it is left out: answers are cut at the stop strings here",
}
"""Fields whose absence does not change what is measured, and why."""
_DEFAULT_TEMPERATURE = 1
"""The API's own default: a model that takes no temperature samples as one that is told this value."""


@dataclass(slots=True)
class RefusedFields:
    """What a server has refused so far.

    Attributes:
        fixed: Fields that the user wrote for every request; they are sent as they are.
        left_out: Fields that are not sent.
        renamed: Old name to new name of fields.
    """

    fixed: Collection[str] = ()
    left_out: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)

    def applied(self, payload: Mapping[str, object]) -> dict[str, object]:
        """Return the body of a request without what the server refuses.

        Args:
            payload: The body.

        Returns:
            A body with the other fields in their order.
        """
        if not self.left_out and not self.renamed:
            return dict(payload)
        return {self.renamed.get(name, name): value for name, value in payload.items() if name not in self.left_out}

    def learn(self, error: APIError, payload: Mapping[str, object]) -> bool:
        """Learn from a refusal, and log one line when it is news.

        Args:
            error: How a request failed.
            payload: The body that was sent.

        Returns:
            Whether the request is worth another attempt, because its body will be another one.
        """
        if not isinstance(error, RequestRejected):
            return False
        name = refused_field(error.body, [name for name in payload if name not in self.fixed])
        if name is None:
            return False
        harmless = dict(_HARMLESS)
        if payload[name] == _DEFAULT_TEMPERATURE:
            harmless["temperature"] = f"it is left out: {_DEFAULT_TEMPERATURE} is the API's default"
        if name in harmless:
            if name not in self.left_out:
                self.left_out.add(name)
                eval_logger.warning("The server refuses %r; %s.", name, harmless[name])
            return True
        # A name that replaces another one has no third name.
        if name in _RENAMED and name not in self.renamed.values():
            if name not in self.renamed:
                self.renamed[name] = _RENAMED[name]
                eval_logger.warning("The server refuses %r; the limit is sent as %r.", name, _RENAMED[name])
            return True
        return False

    def describe(self) -> dict[str, object]:
        """Return what was learnt, for the results file; empty if nothing."""
        found: dict[str, object] = {}
        if self.left_out:
            found["left_out"] = sorted(self.left_out)
        if self.renamed:
            found["renamed"] = dict(self.renamed)
        return found


def learning(ask: Ask, refused: RefusedFields | None) -> Ask:
    """Return a function that sends calls as ``ask_learning`` does.

    Args:
        ask: Sends a call.
        refused: Learns what the server refuses; None sends every call once.
    """

    async def send(call: Call) -> Reply:
        return await ask_learning(ask, call, refused)

    return ask if refused is None else send


async def ask_learning(
    ask: Ask,
    call: Call,
    refused: RefusedFields | None,
    wait: Callable[[Awaitable[Reply]], Awaitable[Reply]] | None = None,
) -> Reply:
    """Send a call, and once more for each field that the server refuses and can do without.

    Args:
        ask: Sends a call.
        call: The call.
        refused: Learns from a refusal; None sends the call once.
        wait: Limits the time of each attempt; None for no limit.

    Returns:
        The reply.

    Raises:
        APIError: The call failed for another reason.
    """
    while True:
        if refused is not None:
            call = replace(call, payload=refused.applied(call.payload))
        try:
            return await (wait(ask(call)) if wait is not None else ask(call))
        except RequestRejected as error:
            if refused is None or not refused.learn(error, call.payload):
                raise
