"""The messages of lost documents: counted, with those that differ only in numbers and ids taken together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lm_eval.api.instance import RequestError
from lm_eval.results.json_values import as_count, as_list, as_mapping
from lm_eval.text import count_of, shorten, visible

__all__ = ["ErrorMessage", "count_messages", "merged", "messages_of", "read_messages"]

_MAX_STORED = 10
"""Maximum number of messages of a task in the results. Servers may word each error differently."""
_MAX_LENGTH = 700
"""Long enough for the start of an answer's body (300 characters) with the words and the advice around it."""

_MAX_APART = 5
"""With more messages than this, those that differ only in quotations, such as parts of prompts, are one, too."""

_VARIABLE = re.compile(r"\b[0-9a-fA-F]{8}[0-9a-fA-F-]*\b|[\w.:-]*\d[\w.:-]*")
"""Ids in hexadecimal, numbers, times, and ids with a digit."""
_QUOTED = re.compile(r"""(?<!\w)(?:"[^"]*"|'[^']*'|`[^`]*`|“[^”]*”)(?!\w)""")


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """A message of lost documents.

    Attributes:
        kind: The kind of the error, such as ``rejected``.
        message: What was said about the first of the documents.
        count: Number of documents with this message, or with one that differs only in numbers and ids.
    """

    kind: str
    message: str
    count: int


def count_messages(errors: Iterable[RequestError]) -> list[dict[str, object]]:
    """Count the messages of a task's lost documents, for its row of the results.

    Args:
        errors: One error per lost document.

    Returns:
        ``kind``, ``message`` and ``count`` of at most 10 messages, the most frequent first.
    """
    counted = merged(ErrorMessage(error.kind, _said(error), 1) for error in errors)
    return [{"kind": found.kind, "message": found.message, "count": found.count} for found in counted[:_MAX_STORED]]


def read_messages(entries: object) -> tuple[ErrorMessage, ...]:
    """Read the messages in a row of the results.

    Args:
        entries: The value of ``error_messages``.

    Returns:
        The messages; empty when the row has none.
    """
    return tuple(
        ErrorMessage(str(entry.get("kind", "")), str(entry.get("message", "")), as_count(entry.get("count")))
        for entry in map(as_mapping, as_list(entries))
    )


def merged(messages: Iterable[ErrorMessage]) -> list[ErrorMessage]:
    """Add up messages that are equal or differ only in numbers and ids.

    When many messages are left, as when a server quotes each prompt, those that differ only in quotations are one.

    Args:
        messages: Messages, for example of several tasks.

    Returns:
        Each message once, the most frequent first; messages of equal frequency keep their order.
    """
    found = _added_up(messages, lambda text: _VARIABLE.sub("#", text))
    if len(found) > _MAX_APART:
        found = _added_up(found, lambda text: _VARIABLE.sub("#", _QUOTED.sub("#", text)))
    return sorted(found, key=lambda said: -said.count)


def _added_up(messages: Iterable[ErrorMessage], pattern: Callable[[str], str]) -> list[ErrorMessage]:
    found: dict[tuple[str, str], ErrorMessage] = {}
    for said in messages:
        key = said.kind, pattern(said.message)
        first = found.get(key)
        found[key] = said if first is None else ErrorMessage(first.kind, first.message, first.count + said.count)
    return list(found.values())


def messages_of(rows: Iterable[Sequence[ErrorMessage]], limit: int = 5) -> list[str]:
    """Lay out the most frequent messages of several tasks, each once.

    Args:
        rows: The messages of each task.
        limit: Maximum number of messages.

    Returns:
        One line per message, such as ``"6 documents: The server rejected the request: …"``, and a line that counts the
        others.
    """
    every = merged(said for row in rows for said in row)
    lines = [f"{count_of(said.count, 'document')}: {said.message}" for said in every[:limit]]
    if rest := every[limit:]:
        lines.append(
            f"{count_of(sum(said.count for said in rest), 'document')}: other messages; the samples have them."
        )
    return lines


def _said(error: RequestError) -> str:
    """Return the message without the status and the address, which a table has no room for; on one line."""
    text = error.message
    if error.endpoint:
        text = text.replace(f" from {error.endpoint}", "", 1)
    text = visible(" ".join(text.split()))
    return shorten(text or error.kind, _MAX_LENGTH)
