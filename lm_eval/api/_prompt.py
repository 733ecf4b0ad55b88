"""Messages, and how they become a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Message", "chat_messages", "join_spaced", "plain_prompt", "qa_turn", "system_message"]


@dataclass(slots=True)
class Message:
    """A turn: its content, and the delimiter that stands after it in text."""

    role: str
    content: str
    _delimiter: str = ""

    @property
    def text(self) -> str:
        """The turn as it stands in a plain prompt."""
        return self.content + self._delimiter

    def to_dict(self) -> dict[str, str]:
        """Return the turn as chat templates take it."""
        return {"role": self.role, "content": self.content}


def _spaced(left: str, right: str) -> bool:
    """Tell whether there is white space where two texts meet."""
    return left[-1:].isspace() or right[:1].isspace()


def join_spaced(left: str, right: str, delimiter: str) -> str:
    """Join two texts, with a delimiter unless there is white space where they meet.

    Args:
        left: The first text.
        right: The second text.
        delimiter: What goes between.
    """
    if not left or not right:
        return left or right
    return left + right if _spaced(left, right) else left + delimiter + right


def system_message(instruction: str | None, description: str, delimiter: str) -> list[Message]:
    """Build the system turn.

    Args:
        instruction: The run's system instruction.
        description: The task's rendered description.
        delimiter: What goes between the two.

    Returns:
        One turn, or none when both are empty.
    """
    content = join_spaced(instruction or "", description, delimiter)
    return [Message("system", content)] if content else []


def qa_turn(
    question: str, answer: str | None, gen_prefix: str | None, target_delimiter: str, fewshot_delimiter: str
) -> list[Message]:
    """Build the turns of a question.

    Args:
        question: The user's content.
        answer: The answer of a shot, or None for the doc that is asked.
        gen_prefix: The start of the answer.
        target_delimiter: What stands between question and answer.
        fewshot_delimiter: What stands after a shot's answer.

    Returns:
        The user turn, and the assistant turn when there is an answer or a ``gen_prefix``.
    """
    if not gen_prefix:
        if answer is None:
            return [Message("user", question)]
        return [Message("user", question, target_delimiter), Message("assistant", answer, fewshot_delimiter)]
    gap = "" if not question or _spaced(question, gen_prefix) else target_delimiter
    if answer is None:
        return [Message("user", question, gap), Message("assistant", gen_prefix)]
    return [
        Message("user", question, gap),
        Message("assistant", join_spaced(gen_prefix, answer, " "), fewshot_delimiter),
    ]


def plain_prompt(messages: Sequence[Message]) -> str:
    """Write messages as text.

    Args:
        messages: The turns.
    """
    return "".join([message.text for message in messages])


def chat_messages(messages: Sequence[Message], multiturn: bool) -> list[dict[str, str]]:
    """Write messages as a chat.

    Args:
        messages: The turns.
        multiturn: Keep shots as turns; else all turns before the answer become one user turn.

    Returns:
        Dicts with ``role`` and ``content``.
    """
    if multiturn:
        return [message.to_dict() for message in messages]
    head = [message.to_dict() for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    tail = [turns.pop().to_dict()] if len(turns) > 1 and turns[-1].role == "assistant" else []
    if not turns:
        return head + tail
    content = plain_prompt(turns[:-1]) + turns[-1].content
    return [*head, {"role": "user", "content": content}, *tail]
