"""Hashes by which runs are compared."""

from __future__ import annotations

import hashlib

__all__ = ["sha256"]


def sha256(text: str) -> str:
    """Hash a text.

    Args:
        text: Any text; lone surrogates are let through.

    Returns:
        The SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
