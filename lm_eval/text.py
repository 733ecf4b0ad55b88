"""Helpers for text that people read: lists cut after the first names, long texts cut short, and hashes of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

__all__ = ["first_names", "not_run", "sha256", "shorten"]


def first_names(names: Iterable[object], limit: int = 6) -> str:
    """List the first names and count the others.

    Args:
        names: What to list, in order.
        limit: Maximum number of names to write out.

    Returns:
        Such as ``"a, b, c and 2 more"``; an empty string when there are no names.
    """
    listed = [str(name) for name in names]
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more


def not_run(refused: Mapping[str, str]) -> list[str]:
    """Say which tasks were not run, one line per reason.

    Args:
        refused: Task to the reason why the endpoint cannot run it.

    Returns:
        Such as ``"Not run: a, b. The endpoint has no log-probabilities."``.
    """
    return [
        f"Not run: {first_names(sorted(name for name, why in refused.items() if why == reason))}. {reason}"
        for reason in dict.fromkeys(refused.values())
    ]


def shorten(text: str, limit: int) -> str:
    """Cut a text that is too long; an ellipsis marks the cut.

    Args:
        text: Any text.
        limit: Maximum number of characters in the result, the ellipsis included.

    Returns:
        The text itself when it fits.
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def sha256(text: str) -> str:
    """Hash a text.

    Args:
        text: Any text; lone surrogates are accepted.

    Returns:
        The SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
