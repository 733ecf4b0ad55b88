"""JSON with parts that are text already: lists of log-probabilities are put together from remembered pieces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["RawJSON", "dumps", "thaw"]

_MARK = "\ue000raw"


@dataclass(frozen=True)
class RawJSON:
    """A value that has been written as JSON.

    Attributes:
        text: The JSON text.
    """

    text: str


def dumps(value: Any) -> bytes:
    """Write a value as compact JSON.

    Args:
        value: What ``json.dumps`` takes, with ``RawJSON`` anywhere in it.

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
    for place, part in enumerate(parts):
        text = text.replace(f'"{_MARK}{place}{_MARK}"', part, 1)
    return text.encode("utf-8", "replace")


def thaw(value: dict[str, Any]) -> dict[str, Any]:
    """Turn a value with ``RawJSON`` in it into one of plain lists and dicts.

    Args:
        value: The value.

    Returns:
        A copy without raw parts.
    """
    found: dict[str, Any] = json.loads(dumps(value))
    return found
