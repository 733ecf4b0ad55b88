"""Messages of a prompt, and how texts are joined; for tasks that write prompts of their own."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.api.task_parts.prompts import Message, chat_messages, join_spaced, plain_prompt

__all__ = [
    "Message",
    "ends_with_whitespace",
    "format_turn",
    "maybe_delimit",
    "messages_to_text",
    "multiturn_to_singleturn",
    "random_task_id",
    "requires_delimiter",
]


def maybe_delimit(prefix: str | None, suffix: str | None, delimiter: str = " ") -> str:
    """Join two texts, with a delimiter unless one is empty or there is white space where they meet.

    Args:
        prefix: The first text.
        suffix: The second text.
        delimiter: Text to put between them.
    """
    return join_spaced(prefix or "", suffix or "", delimiter)


def requires_delimiter(prefix: str, suffix: str) -> bool:
    """Whether a delimiter belongs between two texts: the first is not empty, and no white space is where they meet.

    Args:
        prefix: The first text.
        suffix: The second text.
    """
    return bool(prefix) and not ends_with_whitespace(prefix) and not suffix[:1].isspace()


def ends_with_whitespace(s: str) -> bool:
    """Whether the last character of a text is white space.

    Args:
        s: The text.
    """
    return s[-1:].isspace()


def messages_to_text(messages: Sequence[Message]) -> str:
    """Write messages as plain text, each followed by its delimiter.

    Args:
        messages: The messages.
    """
    return plain_prompt(messages)


def multiturn_to_singleturn(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Put all turns before the answer into one user message.

    Args:
        messages: The turns; the first may be the system's, the last the start of the answer.

    Returns:
        Messages with ``role`` and ``content``: the system's, the user's, and the assistant's, where there are such.
    """
    return chat_messages(messages, multiturn=False)


def format_turn(content: str, role: str, type: str | None = None) -> dict[str, str]:
    """Build a chat message.

    Args:
        content: The text.
        role: ``system``, ``user`` or ``assistant``.
        type: The type of the content; None for a message without one.
    """
    turn = {"role": role, "content": content}
    return {"type": type, **turn} if type else turn


def random_task_id() -> str:
    """Draw a name of eight lower-case letters and digits."""
    from lm_eval.compatibility.collections import random_name_id

    return random_name_id()
