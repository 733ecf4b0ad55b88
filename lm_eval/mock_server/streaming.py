"""Streamed answers: a whole answer cut into the events that a server sends one after the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lm_eval.mock_server.json_text import JsonObject, thaw
from lm_eval.mock_server.problems import refusal
from lm_eval.mock_server.profiles import Profile

__all__ = ["ERROR_EVENT", "asks_for_stream", "events_of"]

_CHARACTERS = 4
"""Length of a piece of text."""
_TEXTS = ("reasoning", "reasoning_content", "content", "refusal", "text")
_DONE = b"data: [DONE]\n\n"
ERROR_EVENT = b'data: {"error":{"message":"The engine died.","type":"InternalServerError","param":null,"code":500}}\n\n'
"""What a server sends that fails in the middle of an answer."""

_Object = dict[str, Any]


def asks_for_stream(profile: Profile, fields: JsonObject) -> bool:
    """Say whether a request asks for a stream.

    Args:
        profile: The profile of the server.
        fields: The JSON body.

    Raises:
        Refused: The request sets options of a stream, and asks for none.
    """
    streams = fields.get("stream") is True
    if not streams and fields.get("stream_options") is not None and profile.family in ("openai", "vllm"):
        raise refusal(profile, 400, "Stream options can only be defined when `stream=True`.", param="stream_options")
    return streams


def events_of(profile: Profile, fields: JsonObject, answer: JsonObject) -> list[bytes]:
    """Cut an answer into events.

    Args:
        profile: The profile of the server.
        fields: The JSON body of the request.
        answer: The answer of any endpoint.

    Returns:
        The events as they are sent.
    """
    whole = thaw(answer)
    if whole.get("object") == "response":
        return [_event(event, name=event["type"]) for event in _response_events(whole)]
    if "choices" not in whole:
        return [_event(whole), _DONE]
    usage = whole.pop("usage", None)
    choices = whole.pop("choices") or []
    if whole.get("object") == "chat.completion":
        whole["object"] = "chat.completion.chunk"
    options = fields.get("stream_options")
    counted = isinstance(options, dict) and options.get("include_usage") is True
    events = [_event({**whole, "choices": [piece]}) for piece in _in_turn(profile, choices)]
    if profile.family == "llamacpp" and len(choices) > 1:
        events.insert(0, _event(None))
    if counted:
        events.append(_event({**whole, "choices": [], "usage": usage}))
    return [*events, _DONE]


def _event(value: object, name: str = "") -> bytes:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: %s\n\n" % data


def _in_turn(profile: Profile, choices: Sequence[_Object]) -> Iterator[_Object]:
    """Yield a piece of each choice in turn; a choice whose index was there before comes after the others."""
    layers: list[dict[object, list[_Object]]] = []
    for choice in choices:
        index = choice.get("index")
        layer = next((layer for layer in layers if index not in layer), None)
        if layer is None:
            layers.append(layer := {})
        layer[index] = list(_pieces(profile, choice))
    for layer in layers:
        for turn in itertools.zip_longest(*layer.values()):
            yield from (piece for piece in turn if piece is not None)


def _pieces(profile: Profile, choice: _Object) -> Iterator[_Object]:
    """Cut a choice: its opening, its texts with their log-probabilities, its calls, and its end."""
    message = choice.pop("message", None)
    head = {"index": choice.pop("index", None)}
    logprobs = choice.pop("logprobs", None)
    if message is not None:
        content = None if profile.family == "llamacpp" else ""
        yield {**head, "delta": {"role": message.get("role"), "content": content}, "finish_reason": None}
    holder = choice if message is None else message
    parts: list[_Object] = []
    for name in _TEXTS:
        if name in holder and (value := holder.pop(name)) is not None:
            texts = _cut(value) if isinstance(value, str) else [value]
            parts += [{name: text} for text in texts]
    parts += _call_parts(holder.get("tool_calls")) if message is not None else []
    if not parts and message is None:
        parts = [{"text": ""}]
    for place, part in enumerate(parts):
        piece = {**head, **(part if message is None else {"delta": part}), "finish_reason": None}
        if logprobs is not None:
            piece["logprobs"] = _share(logprobs, place, len(parts))
        yield piece
    end = {} if message is not None else {"text": ""}
    yield {**head, **({"delta": {}} if message is not None else end), **choice}


def _cut(text: str) -> list[str]:
    return [text[start : start + _CHARACTERS] for start in range(0, len(text), _CHARACTERS)]


def _share(logprobs: Mapping[str, Any], place: int, places: int) -> _Object:
    """Return the log-probabilities that go with one of several pieces."""

    def share(values: object) -> object:
        if not isinstance(values, list):
            return values
        return values[place * len(values) // places : (place + 1) * len(values) // places]

    return {name: share(values) for name, values in logprobs.items()}


def _call_parts(calls: object) -> Iterator[_Object]:
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        opened = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        yield {"tool_calls": [opened]}
        for text in _cut(call["function"]["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def _response_events(response: _Object) -> list[_Object]:
    """List the events of the Responses API; the last one has the whole response."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None, "error": None}
    events: list[_Object] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(response["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "content": []}})
        for part in item.get("content") or ():
            for text in _cut(str(part.get("text") or "")):
                kind = "response.reasoning_text.delta" if item["type"] == "reasoning" else "response.output_text.delta"
                events.append({"type": kind, **place, "content_index": 0, "delta": text})
        for text in _cut(str(item.get("arguments") or "")):
            events.append({"type": "response.function_call_arguments.delta", **place, "delta": text})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{response['status']}", "response": response})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]
