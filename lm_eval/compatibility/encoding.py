"""Values that JSON and cache keys have no form for: dataclasses, bytes and images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from io import BytesIO
from typing import Any, Protocol

__all__ = ["EnhancedJSONEncoder", "convert_bytes_to_hash", "convert_pil_to_hash", "hash_dict_images"]


class _Image(Protocol):
    """An image of Pillow."""

    def save(self, fp: BytesIO, format: str) -> None:
        """Write the image."""


class EnhancedJSONEncoder(json.JSONEncoder):
    """Writes dataclasses as JSON objects; for ``json.dumps(cls=...)``."""

    def default(self, o: object) -> Any:
        """Convert an object.

        Args:
            o: An object that JSON does not support.

        Returns:
            The fields of a dataclass.

        Raises:
            TypeError: The object is none.
        """
        return asdict(o) if is_dataclass(o) and not isinstance(o, type) else super().default(o)


def convert_bytes_to_hash(value: bytes | bytearray) -> str:
    """Return the SHA-256 of how Python shows bytes, in hexadecimal.

    Args:
        value: The bytes.
    """
    return hashlib.sha256(str(value).encode()).hexdigest()


def convert_pil_to_hash(value: _Image) -> str:
    """Return the SHA-256 of an image as a PNG file, in hexadecimal.

    Args:
        value: An image of Pillow.
    """
    file = BytesIO()
    value.save(file, format="PNG")
    return hashlib.sha256(file.getvalue()).hexdigest()


def hash_dict_images(data_dict: Mapping[Any, Any]) -> dict[Any, Any]:
    """Replace all bytes and images in nested dicts, lists and tuples by their hashes.

    Args:
        data_dict: The outermost dict; it is not changed.

    Returns:
        A copy.

    Raises:
        TypeError: The argument is no dict.
    """
    if not isinstance(data_dict, dict):
        raise TypeError(f"hash_dict_images takes a dictionary, not {type(data_dict).__name__}.")
    return {key: _hashed(value) for key, value in data_dict.items()}


def _hashed(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return convert_bytes_to_hash(value)
    if isinstance(value, dict):
        return {key: _hashed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_hashed(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return convert_pil_to_hash(value) if type(value).__module__.startswith("PIL.") else value
