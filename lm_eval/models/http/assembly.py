"""Puts the events of a streamed reply together into the JSON that a whole reply would have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lm_eval.models.http.choices import excerpt
from lm_eval.models.http.replies import reports_error

__all__ = ["Assembly", "BadStream", "CutStream"]

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "text")
"""Fields of a choice or a message whose pieces are joined."""
_FINAL = ("response.completed", "response.incomplete", "response.failed")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE = {"chat.completion.chunk": "chat.completion", "text_completion.chunk": "text_completion"}


class BadStream(ValueError):
    """An event that no server should send.

    Attributes:
        data: The bytes of the event, as far as they are known.
    """

    def __init__(self, what: str, data: bytes = b"") -> None:
        """Say what is wrong.

        Args:
            what: One line.
            data: The bytes of the event.
        """
        super().__init__(what)
        self.data = data


class CutStream(ValueError):
    """A stream that ended before its answer did."""


class Assembly:
    """Collects the events of one reply, of the completions, chat or Responses API.

    Attributes:
        done: Whether the server has said that the reply is complete.
    """

    def __init__(self) -> None:
        """Start without events."""
        self.done = False
        self._body: dict[str, Any] = {}
        self._choices: dict[object, _Choice] = {}
        self._items: list[object] = []
        self._response: dict[str, Any] | None = None
        self._error: object = None

    def add(self, name: str, event: object) -> bool:
        """Add an event.

        Args:
            name: The name of the event; empty for most servers.
            event: Its data, parsed.

        Returns:
            Whether the event has a piece of the answer: text, a thought, or a call.

        Raises:
            BadStream: The event is none of these APIs, or contradicts an earlier one.
        """
        if event is None:  # llama.cpp opens the answers to several prompts with null.
            return False
        if not isinstance(event, dict):
            raise BadStream(f"an event of the stream is no object: {excerpt(event, 100)}")
        kind = event.get("type")
        if reports_error(event.get("error")) or "error" in (name, kind):
            self._error = self._error or event.get("error") or event
            return False
        if isinstance(kind, str) and kind.startswith("response."):
            return self._add_response(kind, event)
        for key, value in event.items():
            if key != "choices" and (value is not None or key not in self._body):
                self._body[key] = value
        choices = event.get("choices")
        if "choices" in event and choices is None:
            self._body.setdefault("choices", None)
        if choices is not None and not isinstance(choices, list):
            raise BadStream(f"the choices of an event are no list: {excerpt(choices, 100)}")
        return any([self._add_choice(choice) for choice in choices or ()])

    def _add_choice(self, piece: object) -> bool:
        if not isinstance(piece, dict):
            raise BadStream(f"a choice of an event is no object: {excerpt(piece, 100)}")
        index = piece.get("index", 0)
        key = index if isinstance(index, int | str) else None
        if key not in self._choices:
            self._choices[key] = _Choice(chat="delta" in piece or "message" in piece)
        return self._choices[key].add(piece)

    def _add_response(self, kind: str, event: Mapping[str, Any]) -> bool:
        response = event.get("response")
        if kind == "response.output_item.done":
            self._items.append(event.get("item"))
        elif kind in _FINAL and isinstance(response, dict):
            self._response, self.done = response, True
        return kind.endswith(".delta") and bool(event.get("delta"))

    def body(self) -> dict[str, Any]:
        """Return the JSON of the whole reply.

        Returns:
            An object with ``choices``, a response, or an ``error`` that the server sent in the middle.

        Raises:
            CutStream: The stream ended too early.
        """
        if self._error is not None:
            return {"error": self._error}
        if self._response is not None:
            output = self._response.get("output") or self._items
            return {key: _joined(value) for key, value in {**self._response, "output": output}.items()}
        if not self._choices and not (self.done and self._body):
            raise CutStream("no answer came")
        if not all(choice.ended and (self.done or not choice.went_on) for choice in self._choices.values()):
            raise CutStream("an answer has no finish reason")
        kind = self._body.get("object")
        choices = sorted(self._choices.items(), key=lambda item: item[0] if isinstance(item[0], int) else -1)
        body = {**self._body, "choices": [choice.whole() for _, choice in choices]}
        if isinstance(kind, str):
            body["object"] = _WHOLE.get(kind, kind)
        return {key: _joined(value) for key, value in body.items()}


class _Choice:
    """One choice, from its pieces.

    Attributes:
        ended: Whether a piece had a finish reason.
        went_on: Whether more followed, as with servers that send a finish reason with every piece.
    """

    def __init__(self, *, chat: bool) -> None:
        self.ended = self.went_on = False
        self._chat = chat
        self._fields: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._calls: list[dict[str, Any]] = []

    def add(self, piece: Mapping[str, Any]) -> bool:
        """Add a piece; say whether it has a part of the answer."""
        delta = piece.get("delta", piece.get("message")) or {}
        if not isinstance(delta, dict):
            raise BadStream(f"the delta of a choice is no object: {excerpt(delta, 100)}")
        new = False
        for key, value in piece.items():
            if key not in ("delta", "message"):
                new = _merge(self._fields, key, value) or new
        calls = delta.get("tool_calls")
        for key, value in delta.items():
            if key != "tool_calls" or not isinstance(calls, list):
                new = _merge(self._message, key, value) or new
        if isinstance(calls, list):
            self._message.setdefault("tool_calls", [])
            for call in calls:
                self._add_call(call)
                new = True
        ends = piece.get("finish_reason") not in (None, "")
        if new and self.ended:
            if not ends:
                raise BadStream("a choice goes on after its end")
            self.went_on = True
        self.ended = self.ended or ends
        return new

    def _add_call(self, piece: object) -> None:
        if not isinstance(piece, dict):
            raise BadStream(f"a call of a choice is no object: {excerpt(piece, 100)}")
        call = self._call_of(piece)
        for key, value in piece.items():
            if key == "function" and isinstance(value, dict):
                function = call.setdefault("function", {})
                for name, part in value.items():
                    if name == "arguments" and isinstance(part, str):
                        _join(function, name, part)
                    elif name == "name" and isinstance(part, str) and function.get(name):
                        # Some servers repeat the name, others send it in pieces.
                        function[name] += "" if part == function[name] else part
                    elif part is not None or name not in function:
                        function[name] = part
            elif value not in (None, "") or key not in call:
                call[key] = value

    def _call_of(self, piece: Mapping[str, Any]) -> dict[str, Any]:
        """Find the call that a piece belongs to: by its index, else by its id, else the last one."""
        index, call_id = piece.get("index"), piece.get("id")
        for known in self._calls:
            if index is not None and known.get("index") == index:
                return known
        if index is None and self._calls and (not call_id or self._calls[-1].get("id") == call_id):
            return self._calls[-1]
        call: dict[str, Any] = {}
        self._calls.append(call)
        return call

    def whole(self) -> dict[str, Any]:
        """Return the choice as a whole reply has it."""
        if not self._chat:
            return self._fields
        message = self._message
        if self._calls:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in self._calls]
        if message.get("content") == [""]:  # A message that is opened with an empty text, and has no other.
            thought = any(message.get(name) for name in ("reasoning", "reasoning_content", "refusal"))
            message["content"] = None if self._calls or thought else ""
        message.setdefault("content", None)
        return {**self._fields, "message": message}


class _Pieces(list[str]):
    """The pieces of a text; joining them at once at the end takes time in proportion to their length."""


def _join(holder: dict[str, Any], key: str, piece: str) -> None:
    pieces = holder.get(key)
    if isinstance(pieces, _Pieces):
        pieces.append(piece)
    else:
        holder[key] = _Pieces([piece])


def _merge(holder: dict[str, Any], key: str, value: object) -> bool:
    """Merge a field of a piece into what is there; say whether it is a part of the answer."""
    there = holder.get(key)
    if value is None:
        holder.setdefault(key, None)
        return False
    if key in _TEXTS and isinstance(value, str):
        if isinstance(there, list) and not isinstance(there, _Pieces):
            there.append({"type": "text", "text": value})
        elif value or there is None:
            _join(holder, key, value)
        return bool(value)
    if isinstance(value, list) and isinstance(there, _Pieces):
        holder[key] = [{"type": "text", "text": "".join(there)}, *value] if any(there) else value
    elif isinstance(value, list) and isinstance(there, list):
        there.extend(value)
    elif isinstance(value, dict) and isinstance(there, dict) and key in ("logprobs", "function_call"):
        for name, part in value.items():
            if key == "function_call" and isinstance(part, str) and isinstance(there.get(name), str):
                there[name] += part
            else:
                _merge(there, name, part)
    else:
        holder[key] = value
    return key in ("function_call", *_TEXTS)


def _joined(value: Any) -> Any:
    """Join the pieces of all texts, and surrogates whose halves came in two events."""
    if isinstance(value, _Pieces):
        text = "".join(value)
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return text
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_joined(item) for item in value]
    return value
