"""Arguments that are written in Java or JavaScript: how functions ask for them, and the values that they stand for.

The rules are those of the leaderboard's AST check, so a value that it does not read stays a text here, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["HINTS", "described", "schema_of", "value_of"]

HINTS: Mapping[str, str] = {
    "python": " Note that the provided function is in Python 3 syntax.",
    "java": " Note that the provided function is in Java 8 SDK syntax.",
    "javascript": " Note that the provided function is in JavaScript syntax.",
}
"""What the leaderboard adds to the description of each function."""
_NAMES = {"java": "Java", "javascript": "JavaScript"}
_LISTS = ("Array", "ArrayList", "array")
_KINDS = {
    **dict.fromkeys(("byte", "short", "integer", "long", "Bigint"), "integer"),
    **dict.fromkeys(("float", "double"), "number"),
    **dict.fromkeys(("boolean", "Boolean"), "boolean"),
    **dict.fromkeys(("char", "String", "any"), "string"),
    **dict.fromkeys(_LISTS, "array"),
    **dict.fromkeys(("HashMap", "dict"), "object"),
}
_WHOLE, _DECIMAL, _EXPONENT = r"-?\d+", r"-?\d+(?:\.\d+)?", r"(?:[eE][+-]?\d+)?"
_NUMBERS: Mapping[str, Mapping[str, tuple[str, Callable[[str], int | float]]]] = {
    "java": {
        **dict.fromkeys(("byte", "short", "integer"), (_WHOLE, int)),
        "long": (f"{_WHOLE}[lL]", lambda text: int(text[:-1])),
        "float": (f"{_DECIMAL}{_EXPONENT}[fF]", lambda text: float(text[:-1])),
        "double": (f"{_DECIMAL}{_EXPONENT}", float),
    },
    "javascript": {
        "integer": (_WHOLE, int),
        "float": (_DECIMAL, float),
        "Bigint": (f"{_WHOLE}n", lambda text: int(text[:-1])),
    },
}
"""Type to what a number of this type looks like, and how it is read. A Java ``long`` needs its ``L``, for example."""
_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{(.*?)\}")
_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_ADDED = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{\s*(.+?)\s*\}\}", re.DOTALL)
_EMPTY_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_PUT = re.compile(r"new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*(.*?)\s*\}?\s*\}", re.DOTALL)
_EMPTY_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)")
_ROWS = re.compile(r"\[\s*\[.*?\]\s*(,\s*\[.*?\]\s*)*\]|\bnew\s+Array\(\s*\[.*?\]\s*(,\s*\[.*?\]\s*)*\)")
_ITEMS = re.compile(r"\[(.*?)\]|\bnew\s+Array\((.*?)\)")
_OBJECT = re.compile(r"\{(.*?)\}")
_NEXT_KEY = re.compile(r",\s*(?=[^,]+:)")


def described(function: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Write a function as the leaderboard offers it to a model: its arguments are texts in the language.

    Args:
        function: A function of the data set.
        language: ``python``, ``java`` or ``javascript``.

    Returns:
        The function, with more in its descriptions. A function in Python keeps its types.
    """
    written = {**function, "description": function["description"] + HINTS[language]}
    if language == "python":
        return written
    properties = {name: _as_text(given, language) for name, given in function["parameters"]["properties"].items()}
    return {**written, "parameters": {**function["parameters"], "properties": properties}}


def _as_text(given: Mapping[str, Any], language: str) -> dict[str, Any]:
    name, kind = _NAMES[language], given["type"]
    if kind == "any":
        what = f" This parameter can be of any type of {name} object in string representation."
    else:
        what = f" This is {name} {kind} type parameter in string representation."
    written = dict(given)
    if kind in _LISTS:
        items = written.pop("items")["type"]
        what += f" The list elements are of type {items}; they are not in string representation."
    if kind == "dict" and "properties" in written:
        entries = json.dumps(written.pop("properties"))
        what += f" The dictionary entries have the following schema; they are not in string representation. {entries}"
    return {**written, "type": "string", "description": given["description"] + what}


def schema_of(function: Mapping[str, Any]) -> dict[str, Any]:
    """Write the parameters of a function with the types of the values that ``value_of`` returns.

    Args:
        function: A function of the data set, with types of its language.

    Returns:
        A JSON schema, one level deep, as the leaderboard checks types.
    """
    properties: dict[str, dict[str, object]] = {}
    for name, given in function["parameters"]["properties"].items():
        properties[name] = {"type": _KINDS.get(given["type"], "")}
        if given["type"] in _LISTS:
            properties[name]["items"] = {"type": _KINDS.get(given["items"]["type"], "")}
    return {"properties": properties, "required": function["parameters"].get("required") or []}


def value_of(text: str, given: Mapping[str, Any], language: str) -> Any:
    """Read an argument.

    Args:
        text: What the model has written.
        given: The description of the parameter, with ``type``, and ``items`` for a list.
        language: ``java`` or ``javascript``.

    Returns:
        The value; the text where it is not written as the type demands.
    """
    return _read(text, given["type"], (given.get("items") or {}).get("type"), language)


def _read(text: str, kind: str, inner: str | None, language: str) -> Any:
    if kind in _NUMBERS[language]:
        pattern, number = _NUMBERS[language][kind]
        return number(text) if re.fullmatch(pattern, text) else text
    if kind in ("boolean", "Boolean"):
        return text == "true" if text in ("true", "false") else text
    if language == "javascript":
        return _read_javascript(text, kind, inner)
    return _read_java(text, kind, inner)


def _read_java(text: str, kind: str, inner: str | None) -> Any:
    if kind == "Array":
        found = _ARRAY.search(text)
        items = [item.strip() for item in found[1].split(",")] if found else []
        return [_item(item, inner, "java") for item in items if item] if found else text
    if kind == "ArrayList":
        if found := _AS_LIST.search(text):
            return [_list_item(item.strip(), inner) for item in found[1].split(",")]
        if found := _ADDED.search(text):
            return [_list_item(item.strip(), inner) for item in re.findall(r"add\((.+?)\)", found[1])]
        return [] if _EMPTY_LIST.search(text) else text
    if kind == "HashMap":
        if found := _PUT.search(text):
            return {key: _guessed(value, "java") for key, value in re.findall(r'put\("(.*?)",\s*(.*?)\)', found[1])}
        return {} if _EMPTY_MAP.search(text) else text
    return text


def _list_item(text: str, inner: str | None) -> Any:
    """Read an element of an ``ArrayList``; other than in an array, texts lose their quotes."""
    return text[1:-1] if inner in ("char", "String") else _item(text, inner, "java")


def _item(text: str, inner: str | None, language: str) -> Any:
    return _read(text, inner, None, language) if inner else _guessed(text, language)


def _read_javascript(text: str, kind: str, inner: str | None) -> Any:
    if kind == "String":
        return text[1:-1] if _is_quoted(text) else text
    text = text.strip() if kind in ("array", "dict") else text
    if kind == "array":
        if found := _ROWS.match(text):
            rows = re.findall(r"\[(.*?)\]", found[0])
            return [[_guessed(item, "javascript") for item in row.strip().removeprefix("[").split(",")] for row in rows]
        if found := _ITEMS.match(text):
            items = (found[1] if found[1] is not None else found[2]).strip()
            return [_item(item.strip(), inner, "javascript") for item in items.split(",")] if items else []
    if kind == "dict" and (found := _OBJECT.match(text)):
        pairs = [pair.partition(":") for pair in _NEXT_KEY.split(found[1]) if ":" in pair]
        return {key.strip().strip("'\""): _entry(value.strip()) for key, _, value in pairs}
    return text


def _entry(text: str) -> Any:
    """Read a value of an object."""
    if text.startswith("[") and text.endswith("]"):
        return _read_javascript(text, "array", None)
    if text.startswith("{") and text.endswith("}"):
        return _read_javascript(text, "dict", None)
    return _guessed(text.strip("'\""), "javascript")


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def _guessed(text: str, language: str) -> Any:
    """Read a value whose type is not described."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _is_quoted(text):
        return text[1:-1]
    for kind in ("long", "float") if language == "java" else ():
        pattern, number = _NUMBERS[language][kind]
        if re.fullmatch(pattern, text):
            return number(text)
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            pass
    return text
