"""Hashes by which runs are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lm_eval.text import sha256

__all__ = ["task_hash"]


def task_hash(samples: Iterable[Mapping[str, Any]]) -> str:
    """Hash what a task asked: the docs, prompts and targets of its samples, in order.

    Args:
        samples: Its samples, under all filters.

    Returns:
        A SHA-256, as 64 hexadecimal digits.
    """
    keys = ("doc_hash", "prompt_hash", "target_hash")
    return sha256("".join(str(sample.get(key, "")) for sample in samples for key in keys))
