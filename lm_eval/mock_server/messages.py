"""Chat messages: read from a request, written as the text the model was trained on."""

from __future__ import annotations

from typing import Any

from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.profiles import Profile

__all__ = ["END_OF_TURN", "count_images", "message_texts", "render_messages"]

END_OF_TURN = "<|end|>"
_MARKS = {"system": "<|system|>", "developer": "<|system|>", "assistant": "<|assistant|>"}


def render_messages(contents: list[tuple[str, str]], *, continued: bool = False) -> str:
    """Write messages as the text the model was trained on.

    Args:
        contents: Pairs of role and text.
        continued: The last message is an open one that the answer continues.

    Returns:
        The prompt, ready for the answer.
    """
    parts = [f"{_MARKS.get(role, '<|user|>')}\n{text}{END_OF_TURN}\n" for role, text in contents]
    if continued:
        parts[-1] = parts[-1].removesuffix(f"{END_OF_TURN}\n")
        return "".join(parts)
    return "".join(parts) + "<|assistant|>\n"


def message_texts(profile: Profile, messages: Any) -> list[tuple[str, str]]:
    """Read ``messages``; an image becomes the text ``<image>``.

    Args:
        profile: The server played.
        messages: The field's value.

    Returns:
        Pairs of role and text.

    Raises:
        Refused: It is not a list of messages.
    """
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise invalid(profile, "messages must be a list of objects with role and content.", "messages")
    if not messages and profile.errors in ("openai", "vllm"):
        raise invalid(profile, "messages is empty.", "messages")
    found: list[tuple[str, str]] = []
    for message in messages:
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str):
            raise invalid(profile, "Each message needs a role.", "messages")
        if isinstance(content, list):
            content = "".join(_part_text(profile, part) for part in content)
        if content is not None and not isinstance(content, str):
            raise invalid(profile, "The content of a message must be a string or a list of parts.", "messages")
        found.append((role, content or ""))
    return found


def _part_text(profile: Profile, part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind == "image_url" and _has_url(part.get("image_url")):
        return "<image>"
    if kind == "input_audio" and isinstance(part.get("input_audio"), dict):
        return "<audio>"
    raise invalid(profile, f"A message part of type {kind!r} is not understood.", "messages")


def _has_url(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("url"), str)


def count_images(fields: dict[str, Any]) -> int:
    """Count the images of a chat request.

    Args:
        fields: The JSON body.

    Returns:
        The number of image parts.
    """
    messages = fields.get("messages")
    parts = [
        part
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    return sum(isinstance(part, dict) and part.get("type") == "image_url" for part in parts)
