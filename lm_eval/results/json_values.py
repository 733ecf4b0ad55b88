"""Values of parsed JSON whose type is not known: each function returns one type, whatever the file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["as_count", "as_list", "as_mapping", "as_number", "at"]

_NOTHING: Mapping[str, object] = {}


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a mapping; an empty one when the value is none."""
    return value if isinstance(value, Mapping) else _NOTHING


def as_list(value: object) -> Sequence[object]:
    """Return a list or tuple; an empty one when the value is neither."""
    return value if isinstance(value, list | tuple) else ()


def as_number(value: object) -> float | None:
    """Return a number as a float; None for anything else, truth values and texts included."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_count(value: object) -> int:
    """Return an integer; 0 when the value is none."""
    return value if isinstance(value, int) else 0


def at(value: object, *keys: str) -> object:
    """Follow keys through mappings within mappings; None where a key is missing."""
    for key in keys:
        value = as_mapping(value).get(key)
    return value
