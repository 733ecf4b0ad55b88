"""The Responses API: items instead of messages, and nothing that the server remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.models.generation import to_payload
from lm_eval.models.openai_completions import LocalChatCompletion, OpenAIChatCompletion

__all__ = ["LocalResponses", "OpenAIResponses"]


class LocalResponses(LocalChatCompletion):
    """A server with ``/v1/responses``.

    The API has no stop sequences and no seed: answers are cut at the stop strings here, and repeats of a request differ
    by chance only. Each request stands alone: the server is asked to store nothing.
    """

    path = "/responses"
    _small_call_tokens = 16

    def _create_payload(
        self,
        messages: object,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the body: input items and the settings under the names of this API."""
        settings = to_payload(gen_kwargs or {}, default_max_tokens=self._max_gen_toks, seed=None, eos=eos)
        body: dict[str, object] = {"model": self.model, "input": _input(messages), "store": False}
        for name, value in settings.items():
            if name == "max_tokens":
                body["max_output_tokens"] = value
            elif name == "reasoning_effort":
                body["reasoning"] = {"effort": value}
            elif name == "response_format":
                body["text"] = {"format": _format(value)}
            elif name == "tools":
                body["tools"] = [_tool(tool) for tool in value] if isinstance(value, list) else value
            elif name == "tool_choice":
                body["tool_choice"] = _tool(value)
            elif name != "stop":
                body[name] = value
        return body


class OpenAIResponses(LocalResponses, OpenAIChatCompletion):
    """OpenAI's Responses API; an API key is required, and reasoning models take no temperature."""

    def _create_payload(
        self,
        messages: object,
        generate: bool = False,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the body, for reasoning models without ``temperature``."""
        body = LocalResponses._create_payload(self, messages, generate, gen_kwargs, seed, eos, **kwargs)
        if self.reasons:
            body.pop("temperature", None)
        return body


def _input(messages: object) -> list[object]:
    """Turn messages into input items."""
    given = messages if isinstance(messages, Sequence) and not isinstance(messages, str) else [messages]
    return [_item(message) if isinstance(message, Mapping) else message for message in given]


def _item(message: Mapping[str, object]) -> dict[str, object]:
    content = message.get("content")
    # llama.cpp reads messages of the model only where their type is given.
    item: dict[str, object] = {"type": "message", **message}
    if not isinstance(content, list):
        return item
    kind = "output_text" if message.get("role") == "assistant" else "input_text"
    return {**item, "content": [_part(part, kind) for part in content]}


def _part(part: object, kind: str) -> object:
    """Turn a part of a message into a part of an item; other parts than texts and images stay as they are."""
    match part:
        case {"type": "text", "text": text}:
            return {"type": kind, "text": text}
        case {"type": "image_url", "image_url": {"url": url, **more}}:
            return {"type": "input_image", "image_url": url, **more}
    return part


def _tool(tool: object) -> object:
    """Turn a tool of the chat API into one of this API, which has no level for the function."""
    match tool:
        case {"type": "function", "function": {**function}}:
            return {"type": "function", **function}
    return tool


def _format(given: object) -> object:
    """Turn a ``response_format`` of the chat API into a format of this API, which has no level for the schema."""
    match given:
        case {"type": "json_schema", "json_schema": {**schema}}:
            return {"type": "json_schema", **schema}
    return given
