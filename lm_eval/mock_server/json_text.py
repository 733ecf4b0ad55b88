"""JSON with parts that are already text, so that lists of log-probabilities are joined from cached pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["JsonObject", "RawJSON", "dumps", "thaw"]

JsonObject = dict[str, object]
"""A JSON object as requests and answers have it."""

_MARK = "\ue000raw"


@dataclass(frozen=True)
class RawJSON:
    """A value that has been written as JSON.

    Attributes:
        text: The JSON text.
    """

    text: str


def dumps(value: object) -> bytes:
    """Write a value as compact JSON.

    Args:
        value: Any value that ``json.dumps`` takes, with ``RawJSON`` anywhere in it.

    Returns:
        UTF-8 text.
    """
    parts: list[str] = []

    def mark(raw: object) -> str:
        if not isinstance(raw, RawJSON):
            raise TypeError(f"{type(raw).__name__} is not JSON")
        parts.append(raw.text)
        return f"{_MARK}{len(parts) - 1}{_MARK}"

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=mark)
    for number, part in enumerate(parts):
        text = text.replace(f'"{_MARK}{number}{_MARK}"', part, 1)
    return text.encode("utf-8", "replace")


def thaw(value: JsonObject) -> dict[str, Any]:
    """Replace every ``RawJSON`` in a value by plain lists and dicts.

    Args:
        value: The value.

    Returns:
        A copy without ``RawJSON``.
    """
    plain: dict[str, Any] = json.loads(dumps(value))
    return plain
