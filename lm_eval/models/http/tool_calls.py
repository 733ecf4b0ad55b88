"""Reads the tool calls of a choice of a chat reply, apart from its text."""

from __future__ import annotations

import json
from collections.abc import Mapping

from lm_eval.models.http.choices import excerpt

__all__ = ["answer_with_calls", "has_calls"]


def has_calls(choice: Mapping[str, object]) -> bool:
    """Say whether a choice calls a tool.

    Args:
        choice: A choice of a chat reply.

    Returns:
        Whether its message has calls, in the present form or in the former one with a single ``function_call``.
    """
    return bool(_written_calls(choice))


def answer_with_calls(choice: Mapping[str, object], text: str) -> dict[str, object]:
    """Build the response to a request with tools.

    Args:
        choice: A choice of a chat reply.
        text: The text of the answer.

    Returns:
        ``content``, the text, and ``tool_calls``, a list of ``{"name", "arguments"}``. Arguments that are no JSON
        object stay the text that the model wrote.
    """
    return {"content": text, "tool_calls": [_call(written) for written in _written_calls(choice)]}


def _written_calls(choice: Mapping[str, object]) -> list[object]:
    message = choice.get("message")
    if not isinstance(message, dict):
        return []
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        return calls
    return [message["function_call"]] if isinstance(message.get("function_call"), dict) else []


def _call(written: object) -> dict[str, object]:
    function = written.get("function", written) if isinstance(written, dict) else None
    if not isinstance(function, dict):
        return {"name": "", "arguments": excerpt(written)}
    name, given = function.get("name"), function.get("arguments")
    return {"name": name if isinstance(name, str) else "", "arguments": _arguments(given)}


def _arguments(given: object) -> object:
    """Parse arguments; a function without parameters may be called without any."""
    if isinstance(given, dict):
        return given
    if given is None or (isinstance(given, str) and not given.strip()):
        return {}
    if not isinstance(given, str):
        return excerpt(given)
    try:
        parsed = json.loads(given)
    except (ValueError, RecursionError):
        return given
    return parsed if isinstance(parsed, dict) else given
