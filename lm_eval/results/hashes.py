"""Hashes by which runs are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["sha256", "task_hash"]


def sha256(text: str) -> str:
    """Hash a text.

    Args:
        text: Any text; lone surrogates are let through.

    Returns:
        The SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def task_hash(samples: Iterable[Mapping[str, Any]]) -> str:
    """Hash what a task asked: the docs, prompts and targets of its samples, in order.

    Args:
        samples: Its samples, under all filters.

    Returns:
        A SHA-256, as 64 hexadecimal digits.
    """
    keys = ("doc_hash", "prompt_hash", "target_hash")
    return sha256("".join(str(sample.get(key, "")) for sample in samples for key in keys))
