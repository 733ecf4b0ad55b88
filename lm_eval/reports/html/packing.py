"""Data as the page carries it: JSON, compressed, in letters that cannot end a script element."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any

__all__ = ["Chunks", "Texts", "pack", "to_text"]

_CHUNK = 192 * 1024
"""Characters of JSON in a chunk: a few milliseconds to decode, many enough to compress well."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_text(value: Any) -> str:
    """Write a value as a person reads it: text as it is, anything else as JSON.

    Args:
        value: A text, or what JSON holds.

    Returns:
        The text.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2, default=str)


def pack(value: Any) -> str:
    """Encode a value for a data block of the page.

    Args:
        value: What JSON holds, without numbers that are not finite.

    Returns:
        Base64 of the zlib-compressed JSON: letters, digits, ``+``, ``/`` and ``=`` alone.
    """
    return _compress(_to_json(value))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _compress(text: str) -> str:
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a character: JSON can say it, UTF-8 cannot
        data = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


class Chunks:
    """Values in order, a chunk a data block, so that a page decodes only those it shows.

    Attributes:
        starts: The position of each chunk's first value.
        blocks: The finished chunks, encoded; complete after ``finish``.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.starts: list[int] = []
        self.blocks: list[str] = []
        self._open: list[str] = []
        self._size = self._count = 0

    def add(self, value: Any) -> int:
        """Append a value.

        Args:
            value: What JSON holds.

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
        """Close the chunk that is being filled."""
        if self._open:
            self.blocks.append(_compress(f"[{','.join(self._open)}]"))
        self._open, self._size = [], 0

    def __len__(self) -> int:
        return self._count


class Texts(Chunks):
    """Texts that many samples share, such as few-shot examples, each kept once."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._places: dict[str, int] = {}

    def intern(self, text: str) -> int:
        """Keep a text, once.

        Args:
            text: The text.

        Returns:
            Its position.
        """
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = self.add(text)
        return place
