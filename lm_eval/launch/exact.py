"""Values of documents as JSON that gives equal values of the same types when it is read.

JSON has no tuples, sets, bytes or keys that are no text. A value that JSON would change is written as a list whose
first element is a mark, so a list that is one of the values gets a mark, too. Floats need none: Python writes as
many digits as it takes to read an equal one back, and NaN and infinities. Nothing that is
read is executed, as pickle would, so shards from elsewhere can be merged.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

__all__ = ["NotExact", "dumps", "loads"]

_PLAIN = (str, float, bool, type(None))
_MAX_BITS = 10_000
"""Python reads and writes no integer of more than 4,300 digits as text, unless it is hexadecimal."""


class NotExact(TypeError):
    """A value of a type that cannot be written."""


def dumps(value: object) -> str:
    """Write a value as one line.

    Args:
        value: Texts, numbers, truth values, None, bytes, NumPy scalars and arrays, and lists, tuples, sets and dicts of
            them.

    Returns:
        JSON in ASCII.

    Raises:
        NotExact: There is a value of another type, such as an object of a task's own class.
    """
    return json.dumps(_written(value), separators=(",", ":"))


def loads(text: str | bytes) -> Any:
    """Read what ``dumps`` wrote.

    Args:
        text: The line.

    Returns:
        An equal value.

    Raises:
        ValueError: The text was not written by ``dumps``.
    """
    return _read(json.loads(text))


def _written(value: object) -> object:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is int:
        whole: int = value  # type: ignore[assignment]
        return whole if whole.bit_length() <= _MAX_BITS else ["i", hex(whole)]
    if kind is list:
        return ["l", *map(_written, value)]  # type: ignore[call-overload]
    if kind is tuple:
        return ["t", *map(_written, value)]  # type: ignore[call-overload]
    if kind is dict:
        entries: dict[Any, Any] = value  # type: ignore[assignment]
        if all(type(key) is str for key in entries):
            return {key: _written(entry) for key, entry in entries.items()}
        return ["d", *([_written(key), _written(entry)] for key, entry in entries.items())]
    if kind in (set, frozenset):
        return [kind.__name__, *map(_written, value)]  # type: ignore[call-overload]
    if kind is bytes:
        return ["b", base64.b64encode(value).decode()]  # type: ignore[arg-type]
    if kind.__module__ == "numpy" and hasattr(value, "dtype"):
        return _array(value)
    raise NotExact(f"a {kind.__module__}.{kind.__qualname__}")


def _array(value: Any) -> list[object]:
    if value.dtype.hasobject:
        raise NotExact("a NumPy array of objects")
    mark = "a" if type(value).__name__ == "ndarray" else "n"
    return [mark, value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]


def _scalar_or_array(mark: str, dtype: str, shape: list[int], data: str) -> object:
    import numpy as np

    found = np.frombuffer(base64.b64decode(data), dtype=np.dtype(dtype)).reshape(shape)
    return found[()] if mark == "n" else found.copy()


_READERS: dict[str, Callable[[list[Any]], object]] = {
    "l": lambda items: list(map(_read, items)),
    "t": lambda items: tuple(map(_read, items)),
    "d": lambda items: {_read(key): _read(entry) for key, entry in items},
    "set": lambda items: set(map(_read, items)),
    "frozenset": lambda items: frozenset(map(_read, items)),
    "i": lambda items: int(items[0], 16),
    "b": lambda items: base64.b64decode(items[0]),
    "n": lambda items: _scalar_or_array("n", *items),
    "a": lambda items: _scalar_or_array("a", *items),
}


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read(entry) for key, entry in value.items()}
    if not isinstance(value, list):
        return value
    if not value or not isinstance(value[0], str) or value[0] not in _READERS:
        raise ValueError(f"{value!r:.60} was not written as an exact value.")
    return _READERS[value[0]](value[1:])
