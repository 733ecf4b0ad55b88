"""The files of an export: their paths, and what writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, TypeAlias

__all__ = ["Part", "json_bytes", "yaml_writer"]

Part: TypeAlias = "tuple[str, Callable[[IO[bytes]], object]]"
"""The path of a file below the folder of the export, with ``/``, and what writes its content."""


def yaml_writer(value: object) -> Callable[[IO[bytes]], object]:
    """Return what writes a value as YAML.

    Args:
        value: Mappings, lists, texts and numbers.

    Returns:
        A function of an open file.
    """

    def write(file: IO[bytes]) -> None:
        import yaml

        file.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode("utf-8", "replace"))

    return write


def json_bytes(value: object, indent: int | None = None) -> bytes:
    """Write a value as JSON.

    Args:
        value: The value; its numbers are finite.
        indent: Number of spaces per level; None gives one line.

    Returns:
        UTF-8. A lone surrogate becomes a question mark, since readers in other languages refuse it.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=str)
    return text.encode("utf-8", "replace")
