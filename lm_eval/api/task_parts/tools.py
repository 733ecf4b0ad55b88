"""The tools of a document, as a chat request offers them to the model, and counts of what was made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.statistics.tool_calls import GoldCall, calls_match
from lm_eval.text import shorten

__all__ = ["ANY_CALL", "CallCounts", "as_tools", "calls_are_right", "calls_in", "safe_name"]

ANY_CALL = "any"
"""The target of a document that any call answers."""

_KINDS = {"dict": "object", "float": "number", "tuple": "array", "any": "string", "int": "integer", "bool": "boolean"}
"""Names of types outside JSON schema, which data sets of functions use."""


def safe_name(name: str) -> str:
    """Replace the characters that chat APIs do not take in the name of a function.

    Args:
        name: The name, such as ``math.gcd``.

    Returns:
        The name with ``_`` for anything but letters, digits, ``_`` and ``-``.
    """
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def as_tools(given: object) -> list[dict[str, Any]]:
    """Write tools as a chat request has them.

    Args:
        given: A list of tools ``{"type": "function", "function": {…}}`` or of bare functions with ``name``,
            ``description`` and ``parameters``; one of these; or their JSON text.

    Returns:
        The tools. Names and the types of parameters are those that chat APIs take.

    Raises:
        ConfigError: The value has no such form.
    """
    if isinstance(given, str):
        text = given
        try:
            given = json.loads(text)
        except ValueError:
            raise ConfigError(f"{shorten(text, 80)!r} is not the JSON text of a list of tools") from None
    entries = [given] if isinstance(given, Mapping) else given
    if not isinstance(entries, Sequence) or isinstance(entries, str | bytes):
        raise ConfigError(f"{type(given).__name__} is not a list of tools")
    return [_tool(entry) for entry in entries]


def _tool(entry: object) -> dict[str, Any]:
    if isinstance(entry, str):
        with suppress(ValueError):
            entry = json.loads(entry)
    function = entry.get("function", entry) if isinstance(entry, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ConfigError(f"a tool has a name, a description and parameters; {shorten(repr(entry), 80)} has no name")
    written = {**function, "name": safe_name(function["name"])}
    if isinstance(function.get("parameters"), Mapping):
        written["parameters"] = _schema(function["parameters"])
    return {"type": "function", "function": written}


def _schema(schema: Any) -> Any:
    """Copy a schema, with the names of types that JSON schema knows; a parameter may be called ``type``, too."""
    if isinstance(schema, list):
        return [_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    copied: dict[str, Any] = {}
    for key, value in schema.items():
        if value is None and key not in ("default", "const"):
            continue  # Columns of a data set give every row every key.
        if key == "type" and isinstance(value, str):
            copied[key] = _KINDS.get(value.lower(), value)
        elif key == "properties" and isinstance(value, Mapping):
            copied[key] = {name: _schema(inner) for name, inner in value.items() if inner is not None}
        elif key in ("default", "const", "enum", "examples", "required"):
            copied[key] = value
        else:
            copied[key] = _schema(value)
    return copied


def calls_in(response: object) -> list[tuple[str, object]]:
    """Return the calls of a response.

    Args:
        response: ``{"content", "tool_calls"}``; a text, from a model that takes no tools, has no call.

    Returns:
        Pairs of name and arguments; arguments that are no mapping were not parsable.
    """
    listed = response.get("tool_calls") if isinstance(response, Mapping) else None
    calls = listed if isinstance(listed, list) else []
    return [(str(call.get("name", "")), call.get("arguments")) for call in calls if isinstance(call, Mapping)]


def calls_are_right(response: object, gold: object, tools: Sequence[Mapping[str, Any]], *, ordered: bool) -> bool:
    """Compare the calls of a response with those that are asked for.

    Args:
        response: The response.
        gold: A list of calls, one call, or the JSON text of either; ``"any"`` accepts any call that can be parsed.
        tools: The tools of the document.
        ordered: Whether the order counts.

    Returns:
        Whether all calls are right. Where no call is asked for, one that cannot be parsed is none.

    Raises:
        ConfigError: The gold calls have no known form.
    """
    calls = calls_in(response)
    parsable = [(safe_name(name), found) for name, found in calls if name and isinstance(found, Mapping)]
    if gold == ANY_CALL:
        return bool(parsable)
    wanted = _gold_calls(gold)
    if not wanted:
        return not parsable
    schemas = {
        str(function["name"]): parameters
        for function in (tool["function"] for tool in tools)
        if isinstance(parameters := function.get("parameters"), Mapping)
    }
    return len(parsable) == len(calls) and calls_match(parsable, wanted, schemas, ordered=ordered)


def _gold_calls(gold: object) -> list[GoldCall]:
    given = gold
    try:
        if isinstance(given, str):
            given = json.loads(given)
        listed = given if isinstance(given, list) else [given]
        calls = [GoldCall.of(json.loads(call) if isinstance(call, str) else call) for call in listed]
    except ValueError:
        what = "a list of calls with name and arguments"
        raise ConfigError(f"The target of a document with tools is {what}, not {shorten(repr(gold), 80)}.") from None
    return [replace(call, name=safe_name(call.name)) for call in calls]


class CallCounts:
    """Counts the answers of a task whose call is absent or cannot be parsed."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.wanted = self.without = self.unparsable = 0

    def add(self, response: object, gold: object) -> None:
        """Count an answer.

        Args:
            response: The response.
            gold: What the document asks for; an empty list wants no call, and the answer is then not counted.
        """
        if isinstance(gold, Sequence) and not gold:
            return
        calls = calls_in(response)
        self.wanted += 1
        self.without += not calls
        self.unparsable += any(not name or not isinstance(arguments, Mapping) for name, arguments in calls)

    def notes(self) -> list[str]:
        """Return a sentence about each kind of answer that was counted."""
        of = f"of {self.wanted:,} answers that should call a tool"
        counted = [
            (self.without, f"{self.without:,} {of} have no call, which counts as wrong"),
            (self.unparsable, f"{self.unparsable:,} {of} have a call that cannot be parsed, which counts as wrong"),
        ]
        return [sentence for count, sentence in counted if count]
