"""Helpers for text: names listed, long texts cut short, hashes, and ``a=1,b=2`` split at its commas."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "Lines",
    "count_of",
    "first_names",
    "mask_with",
    "not_run",
    "outgoing",
    "outgoing_json",
    "sha256",
    "shorten",
    "split_pairs",
    "visible",
]

# What masks secrets in a text; lm_eval.config.redact gives it when it is imported.
_masks: list[Callable[[str], str]] = []


class Lines(str):
    """A text whose line breaks are shown as they are, such as a prompt that is logged on request."""

    __slots__ = ()


_CLOSERS = {"[": "]", "{": "}", "(": ")"}


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun.

    Args:
        number: How many.
        noun: The noun in the singular.
        plural: Its plural; the noun with an s by default.

    Returns:
        Such as ``"1 document"`` or ``"1,200 documents"``.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


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


def visible(text: str) -> str:
    """Write a text from outside so that it cannot control a terminal.

    Args:
        text: Any text, such as the message of a server.

    Returns:
        The text, with a backslash escape for each control character, line break and mark of writing direction.
    """
    if text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else sign.encode("unicode_escape").decode() for sign in text)


def _is_harmless(sign: str) -> bool:
    # Wide spaces, and the joiners that some scripts and emoji need, are not printable for Python.
    return sign.isprintable() or sign in "\u200c\u200d" or unicodedata.category(sign) == "Zs"


def mask_with(mask: Callable[[str], str]) -> None:
    """Choose what masks secrets in text that leaves the process.

    Args:
        mask: Takes a text, and returns it without secrets.
    """
    _masks[:] = [mask]


def outgoing(text: str, *, lines: bool = False) -> str:
    """Write a text so that it shows no secret and cannot control a terminal.

    Args:
        text: Any text.
        lines: Whether its line breaks and tabs stay. Default False: they are escaped, too.

    Returns:
        The text, as ``visible`` writes it, with secrets masked.
    """
    for mask in _masks:
        text = mask(text)
    if not lines:
        return visible(text)
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def outgoing_json(text: str) -> str:
    """Write JSON so that it shows no secret and cannot control a terminal; it stays the same JSON.

    Args:
        text: JSON; its line breaks stay.

    Returns:
        The JSON, with an escape for each control character and mark of writing direction.
    """
    for mask in _masks:
        text = mask(text)
    return "".join(sign if sign == "\n" or _is_harmless(sign) else json.dumps(sign)[1:-1] for sign in text)


def sha256(text: str) -> str:
    """Hash a text.

    Args:
        text: Any text; lone surrogates are accepted.

    Returns:
        The SHA-256 of its UTF-8 bytes, as 64 hexadecimal digits.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def split_pairs(text: str) -> Iterator[str]:
    """Split ``a=1,b=[2,3]`` at its commas, except within a value in quotes or brackets.

    Args:
        text: The pairs. A quote or bracket that is not closed is part of a plain value.

    Yields:
        The parts that are not blank.
    """
    start = 0
    while start <= len(text):
        comma = text.find(",", start)
        equals = text.find("=", start)
        if equals >= 0 and (comma < 0 or equals < comma):
            comma = text.find(",", _end_of_value(text, equals + 1))
        end = len(text) if comma < 0 else comma
        if text[start:end].strip():
            yield text[start:end]
        start = end + 1


def _end_of_value(text: str, start: int) -> int:
    """Return where the quotes or brackets of a value end, and where it starts if it has none."""
    first = len(text) - len(text[start:].lstrip())
    if first < len(text) and text[first] in "'\"":
        end = _end_of_quotes(text, first)
    elif first < len(text) and text[first] in _CLOSERS:
        end = _end_of_brackets(text, first)
    else:
        return start
    # What follows, up to the comma, belongs to neither: "a"b is a plain text.
    return start if end is None or text[end:].lstrip()[:1] not in ("", ",") else end


def _end_of_quotes(text: str, start: int) -> int | None:
    place = start + 1
    while place < len(text):
        if text[place] == text[start]:
            return place + 1
        place += 2 if text[place] == "\\" else 1
    return None


def _end_of_brackets(text: str, start: int) -> int | None:
    open_brackets = []
    place = start
    while place < len(text):
        char = text[place]
        if char in "'\"":
            place = _end_of_quotes(text, place) or len(text)
            continue
        if char in _CLOSERS:
            open_brackets.append(_CLOSERS[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return place + 1
        place += 1
    return None
