"""Encode data for the page: compressed JSON in letters that cannot end a script element."""

from __future__ import annotations

import base64
import json
import math
import re
import zlib

__all__ = ["Chunks", "Texts", "finite", "pack", "to_text"]

_CHUNK = 192 * 1024
"""Minimum number of characters of JSON in a chunk. A chunk decodes in a few milliseconds and compresses well."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_text(value: object) -> str:
    """Write a value for people: a text as it is, anything else as JSON.

    Args:
        value: A text, or a value that JSON can hold.

    Returns:
        The text.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def finite(value: object) -> float | int | None:
    """Read a number that the page can hold.

    Args:
        value: A number, a truth value, or a number written as text.

    Returns:
        The number; None for other values and for numbers that are not finite.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value in (0, 1) else value


def pack(value: object) -> str:
    """Encode a value for a data block of the page.

    Args:
        value: A value that JSON can hold; its numbers are finite.

    Returns:
        The zlib-compressed JSON in base64: only letters, digits, ``+``, ``/`` and ``=``.
    """
    return _compress(_to_json(value))


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _compress(text: str) -> str:
    try:
        data = text.encode()
    except UnicodeEncodeError:  # a lone surrogate: JSON can escape it, UTF-8 cannot encode it
        data = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


class Chunks:
    """A sequence of values in chunks, one data block each, so that the page decodes only those that it shows.

    Attributes:
        starts: The position of each chunk's first value.
        blocks: The finished chunks, encoded; all of them after ``finish``.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.starts: list[int] = []
        self.blocks: list[str] = []
        self._open: list[str] = []
        self._size = self._count = 0

    def add(self, value: object) -> int:
        """Append a value.

        Args:
            value: A value that JSON can hold; its numbers are finite.

        Returns:
            Its position, from 0.
        """
        if not self._open:
            self.starts.append(self._count)
        text = _to_json(value)
        self._open.append(text)
        self._size += len(text)
        self._count += 1
        if self._size >= _CHUNK:
            self.finish()
        return self._count - 1

    def finish(self) -> None:
        """Encode the last chunk."""
        if self._open:
            self.blocks.append(_compress(f"[{','.join(self._open)}]"))
        self._open, self._size = [], 0

    def __len__(self) -> int:
        return self._count


class Texts(Chunks):
    """Texts that many samples share, such as few-shot examples, each stored once."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._places: dict[str, int] = {}

    def intern(self, text: str) -> int:
        """Store a text once.

        Args:
            text: The text.

        Returns:
            Its position.
        """
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = self.add(text)
        return place
