"""Turn what a command line or a YAML file gives for an option into a value of its type.

Each function takes the option's name, for the message, and the value; a string is what a command line gives, anything
else comes from YAML. What cannot be used raises ``ConfigError`` in one line.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.utils import simple_parse_args_string

__all__ = [
    "arguments",
    "boolean",
    "cache_requests",
    "chat_template",
    "folder",
    "integer",
    "limit",
    "max_errors",
    "number",
    "paths",
    "sample_format",
    "samples",
    "seeds",
    "tasks",
    "text",
]

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def _refuse(name: str, wanted: str, value: object) -> ConfigError:
    return ConfigError(f"{name} takes {wanted}, not {value!r}.")


def text(name: str, value: Any) -> str:
    """Read a string; numbers are written out."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Path):
        raise _refuse(name, "text", value)
    return str(value)


def boolean(name: str, value: Any) -> bool:
    """Read true or false, also as yes/no, on/off, 1/0."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise _refuse(name, "true or false", value)


def number(name: str, value: Any) -> float:
    """Read a number."""
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise _refuse(name, "a number", value) from None


def integer(name: str, value: Any) -> int:
    """Read a whole number that is not negative."""
    try:
        found = number(name, value)
    except ConfigError:
        raise _refuse(name, "a whole number", value) from None
    if found < 0 or not found.is_integer():
        raise _refuse(name, "a whole number, 0 or more", value)
    return int(found)


def limit(name: str, value: Any) -> int | float:
    """Read a positive number of docs, or a fraction of them below 1."""
    found = number(name, value)
    if 0 < found < 1:
        return found
    if found >= 1 and found.is_integer():
        return int(found)
    raise _refuse(name, "a whole number of docs, or a fraction between 0 and 1", value)


def max_errors(name: str, value: Any) -> int | float:
    """Read a number of docs, or a fraction of them below 1."""
    return 0 if number(name, value) == 0 else limit(name, value)


def tasks(name: str, value: Any) -> list[Any]:
    """Read task names, separated by commas or as a list; a YAML list may also hold mappings."""
    items = [value] if isinstance(value, str | Mapping) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str | Mapping) for item in items):
        raise _refuse(name, "a list of task names", value)
    found: list[Any] = []
    for item in items:
        found += [dict(item)] if isinstance(item, Mapping) else [part.strip() for part in item.split(",")]
    return [item for item in found if item]


def paths(name: str, value: Any) -> list[str]:
    """Read folders, as a list or joined as in ``PATH``; each must exist."""
    items = [value] if isinstance(value, str | Path) else value
    if not isinstance(items, Sequence) or not all(isinstance(item, str | Path) for item in items):
        raise _refuse(name, "a folder or a list of folders", value)
    found = []
    for item in map(str, items):
        found += [item] if Path(item).expanduser().exists() else [part for part in item.split(os.pathsep) if part]
    for item in found:
        if not Path(item).expanduser().exists():
            raise ConfigError(f"{name}: there is no folder {item!r}.")
    return [str(Path(item).expanduser()) for item in found]


def folder(name: str, value: Any) -> str:
    """Read one folder, which must exist."""
    if not isinstance(value, str | Path) or not Path(value).expanduser().is_dir():
        raise ConfigError(f"{name}: there is no folder {str(value)!r}.")
    return str(Path(value).expanduser())


def arguments(name: str, value: Any) -> dict[str, Any]:
    """Read a mapping: YAML, JSON, ``a=1,b=2``, or several of these words."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise _refuse(name, "key=value pairs", value)
    found: dict[str, Any] = {}
    for word in words:
        found |= _one_word(name, word.strip())
    return found


def _one_word(name: str, word: str) -> dict[str, Any]:
    if word.startswith("{"):
        try:
            return dict(json.loads(word))
        except ValueError as error:
            raise ConfigError(f"{name} is not valid JSON: {error}.") from None
    try:
        found = simple_parse_args_string(word)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return {key: _literal(item) for key, item in found.items()}


def _literal(item: Any) -> Any:
    """Read a list, tuple or mapping written out in a key=value pair; anything else stays as it is."""
    if not isinstance(item, str) or not item.startswith(("[", "{", "(")):
        return item
    try:
        return ast.literal_eval(item)
    except (ValueError, SyntaxError):
        return item


def sample_format(name: str, value: Any) -> str:
    """Read how samples are saved; the word is also the end of their files' names."""
    if value in ("jsonl", "parquet"):
        return str(value)
    raise _refuse(name, "jsonl or parquet", value)


def samples(name: str, value: Any) -> dict[str, list[int]]:
    """Read ``{task: [doc ids]}``: a mapping, JSON, or the path of a JSON file."""
    if isinstance(value, str):
        source = value
        if not value.lstrip().startswith("{"):
            try:
                source = Path(value).expanduser().read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigError(f"{name}: cannot read {value!r}: {error.strerror}.") from None
        try:
            value = json.loads(source)
        except ValueError as error:
            raise ConfigError(f"{name} is not valid JSON: {error}.") from None
    if not isinstance(value, Mapping):
        raise _refuse(name, 'a mapping such as {"task": [0, 5]}', value)
    for task, ids in value.items():
        if not isinstance(ids, list) or not all(type(item) is int and item >= 0 for item in ids):
            raise ConfigError(f"{name}: the doc ids of {task!r} must be a list of whole numbers.")
    return {str(task): list(ids) for task, ids in value.items()}


def seeds(name: str, value: Any) -> tuple[int | None, ...]:
    """Read one seed for all, or four: python, numpy, torch, few-shot; None leaves one unset."""
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, Sequence) else [value]
    found = tuple(None if part is None or str(part).strip() == "None" else integer(name, part) for part in parts)
    if len(found) == 1:
        return found * 4
    if len(found) == 4:
        return found
    raise _refuse(name, "one seed, or four: python,numpy,torch,fewshot", value)


def chat_template(name: str, value: Any) -> bool | str:
    """Read on, off or the name of a template."""
    return value if isinstance(value, bool) else text(name, value)


def cache_requests(name: str, value: Any) -> str:
    """Read ``true``, ``refresh`` or ``delete``; or a mapping of these to true or false, as in older config files."""
    if isinstance(value, Mapping):
        asked = [str(key) for key, on in value.items() if on]
        words = {"delete_requests_cache": "delete", "rewrite_requests_cache": "refresh", "cache_requests": "true"}
        value = next((word for key, word in words.items() if key in asked), "false")
    word = str(value).strip().lower()
    if word not in {"true", "false", "refresh", "delete"}:
        raise _refuse(name, "true, refresh or delete", value)
    return word
