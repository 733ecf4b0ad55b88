"""How a chat endpoint continues a last message of the assistant, which is the start that a task gives to the answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lm_eval.errors import APIError, EndpointNotFound, EndpointUnreachable, MalformedResponse
from lm_eval.models.http.choices import choices_in_order, text_of
from lm_eval.models.work import Ask, Call

__all__ = ["NOT_CONTINUED", "Continuation"]

eval_logger = logging.getLogger("lm_eval")

_QUESTION = "Name the days of the week in order, separated by commas."
_START, _REST = "Monday, Tuesday, Wednes", "day"
"""The start ends within a word, so that a new answer rarely begins with the rest of the word."""
_ITSELF = "by itself"
NOT_CONTINUED = "the server does not continue the start of the answer (gen_prefix); the model begins its own"


def _with_fields(payload: Mapping[str, object]) -> dict[str, object]:
    return {**payload, "continue_final_message": True, "add_generation_prompt": False}


def _with_prefix(payload: Mapping[str, object]) -> dict[str, object]:
    messages = payload["messages"]
    assert isinstance(messages, Sequence)
    return {**payload, "messages": [*messages[:-1], {**messages[-1], "prefix": True}]}


_WAYS: Mapping[str, Callable[[Mapping[str, object]], dict[str, object]]] = {
    "continue_final_message": _with_fields,
    "prefix": _with_prefix,
}
"""Name of a way to what changes a request: vLLM, SGLang and others; then DeepSeek and Mistral."""


@dataclass(frozen=True, slots=True)
class _Seen:
    text: str
    tokens: int | None

    @property
    def echoes(self) -> bool:
        return self.text.startswith(_START)

    @property
    def continues(self) -> bool:
        return self.echoes or self.text.startswith(_REST)


class Continuation:
    """What is known about the continuing of answers.

    Attributes:
        way: ``continue_final_message``, ``prefix`` or ``by itself``; empty if no answer is continued.
        echoes: Whether the server returns the start in front of the rest, so that it has to be cut off.
        looked: Whether a run has looked for the way.
        assumed: Whether the way is that of vLLM, since no server can be asked.
    """

    def __init__(self) -> None:
        """Know nothing: requests are sent as they are."""
        self.way = ""
        self.echoes = self.looked = self.assumed = False

    async def find(self, ask: Ask, call_with: Callable[[Sequence[Mapping[str, str]]], Call]) -> None:
        """Find the way, unless that is done, with one to three small requests; log one line.

        The number of tokens in the prompt shows that a field has an effect, whatever the model writes.

        Args:
            ask: Sends a call.
            call_with: Builds a call with messages.

        Raises:
            APIError: The endpoint cannot be used at all.
        """
        if self.looked:
            return
        call = call_with([{"role": "user", "content": _QUESTION}, {"role": "assistant", "content": _START}])
        plain = await _seen(ask, call)
        if plain is not None and plain.echoes:
            self._found(_ITSELF, plain)
            return
        # Another API, such as that of responses, has no such fields.
        ways = _WAYS if _start_of(call.payload.get("messages")) is not None else {}
        for way, change in ways.items():
            seen = await _seen(ask, replace(call, payload=change(call.payload)))
            if seen is None:
                continue
            fewer = plain is not None and seen.tokens is not None and seen.tokens < (plain.tokens or 0)
            if plain is None or fewer or seen.echoes or (seen.continues and not plain.continues):
                self._found(way, seen)
                return
        self._found(_ITSELF if plain is not None and plain.continues else "", plain)

    def assume(self, call: Call) -> None:
        """Take the way of vLLM, whose program answers files, where no server can be asked.

        Args:
            call: A call with messages.
        """
        self.looked = self.assumed = True
        self.way = "continue_final_message" if isinstance(call.payload.get("messages"), Sequence) else ""
        if self.way:
            eval_logger.warning("The start of an answer (gen_prefix) is continued as vLLM does; that is not checked.")
        else:
            eval_logger.warning("%s%s. Completions continue it.", NOT_CONTINUED[0].upper(), NOT_CONTINUED[1:])

    def _found(self, way: str, seen: _Seen | None) -> None:
        self.looked, self.way = True, way
        self.echoes = bool(way) and seen is not None and seen.echoes
        if way:
            eval_logger.info("The server continues the start of an answer (gen_prefix): %s.", way.replace("_", " "))
        else:
            eval_logger.warning("%s%s. Completions continue it.", NOT_CONTINUED[0].upper(), NOT_CONTINUED[1:])

    @property
    def fails(self) -> bool:
        """Whether a run has found that no answer is continued."""
        return self.looked and not self.way

    def applied(self, payload: dict[str, object]) -> dict[str, object]:
        """Return the body of a request so that the answer continues its last message, if that is the assistant's.

        Args:
            payload: The body.

        Returns:
            The body.
        """
        change = _WAYS.get(self.way)
        return payload if change is None or _start_of(payload.get("messages")) is None else change(payload)

    def rest(self, prompt: object, text: str) -> str:
        """Cut the start of an answer off, where the server returns it in front of the rest.

        Args:
            prompt: The prompt: messages, or a text.
            text: The text of the answer.

        Returns:
            What the model has written.
        """
        start = _start_of(prompt) if self.echoes else None
        if not start:
            return text
        whole = text.startswith(start)
        return text.removeprefix(start if whole else start.rstrip())

    def describe(self) -> dict[str, object]:
        """Return the finding for the results file; empty if no run has looked."""
        if not self.looked:
            return {}
        return {
            "continued": self.way or None,
            **({"returned_before_the_rest": True} if self.echoes else {}),
            **({"assumed": True} if self.assumed else {}),
        }


def _start_of(messages: object) -> str | None:
    """Return the text of a last message of the assistant; None if the last message is another one."""
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        return None
    last = messages[-1]
    if not isinstance(last, Mapping) or last.get("role") != "assistant":
        return None
    content = last.get("content")
    return content if isinstance(content, str) else None


async def _seen(ask: Ask, call: Call) -> _Seen | None:
    """Ask, and return the text and the number of tokens in the prompt; None if the server refuses the request."""
    try:
        reply = await ask(call)
        text = text_of(choices_in_order(reply.body, 1)[0])
    except (EndpointUnreachable, EndpointNotFound):
        raise
    except (APIError, MalformedResponse):
        return None
    return _Seen(text, None if reply.usage is None else reply.usage.prompt)
