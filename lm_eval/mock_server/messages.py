"""Chat messages: read from a request, and written as the text that the model was trained on."""

from __future__ import annotations

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.profiles import Profile

__all__ = ["END_OF_TURN", "count_images", "message_texts", "render_messages"]

END_OF_TURN = "<|end|>"
_MARKS = {"system": "<|system|>", "developer": "<|system|>", "assistant": "<|assistant|>"}


def render_messages(contents: list[tuple[str, str]], *, continued: bool = False) -> str:
    """Write messages as the text the model was trained on.

    Args:
        contents: Pairs of role and text.
        continued: Leave the last message open, so that the answer continues it.

    Returns:
        The prompt.
    """
    parts = [f"{_MARKS.get(role, '<|user|>')}\n{text}{END_OF_TURN}\n" for role, text in contents]
    if continued:
        parts[-1] = parts[-1].removesuffix(f"{END_OF_TURN}\n")
        return "".join(parts)
    return "".join(parts) + "<|assistant|>\n"


def message_texts(profile: Profile, messages: object) -> list[tuple[str, str]]:
    """Read ``messages``; an image becomes ``<image>``, and a sound becomes ``<audio>``.

    Args:
        profile: The profile of the server.
        messages: The value of the field.

    Returns:
        Pairs of role and text.

    Raises:
        Refused: The value is not a list of messages.
    """
    objects = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
    if not isinstance(messages, list) or len(objects) < len(messages):
        raise invalid(profile, "messages must be a list of objects with role and content.", "messages")
    if not messages and profile.refuses_no_messages:
        raise invalid(profile, "messages is empty.", "messages")
    texts: list[tuple[str, str]] = []
    for message in objects:
        role, content = message.get("role"), message.get("content")
        if not isinstance(role, str):
            raise invalid(profile, "Each message needs a role.", "messages")
        if isinstance(content, list):
            content = "".join(_part_text(profile, part) for part in content)
        if content is not None and not isinstance(content, str):
            raise invalid(profile, "The content of a message must be a string or a list of parts.", "messages")
        texts.append((role, content or ""))
    return texts


def _part_text(profile: Profile, part: object) -> str:
    kind = None
    if isinstance(part, dict):
        kind = part.get("type")
        match part:
            case {"type": "text", "text": str(text)}:
                return text
            case {"type": "image_url", "image_url": {"url": str()}}:
                return "<image>"
            case {"type": "input_audio", "input_audio": dict()}:
                return "<audio>"
    raise invalid(profile, f"A message part of type {kind!r} is not understood.", "messages")


def count_images(fields: JsonObject) -> int:
    """Count the images of a request for a chat answer or a response.

    Args:
        fields: The JSON body.

    Returns:
        The number of image parts.
    """
    messages = fields.get("messages", fields.get("input"))
    parts = [
        part
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for part in message["content"]
    ]
    return sum(isinstance(part, dict) and part.get("type") in ("image_url", "input_image") for part in parts)
