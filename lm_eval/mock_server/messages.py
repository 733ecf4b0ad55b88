"""Chat messages: read from a request, and written as the text that the model was trained on."""

from __future__ import annotations

import base64

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.profiles import Profile

__all__ = ["END_OF_TURN", "count_images", "message_texts", "render_messages"]

END_OF_TURN = "<|end|>"
_AUDIO_STARTS: dict[str, tuple[bytes, ...]] = {
    "wav": (b"RIFF",),
    "mp3": (b"ID3", b"\xff"),
    "flac": (b"fLaC",),
    "ogg": (b"OggS",),
}
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
    """Read ``messages``; an image becomes ``<image>``, a sound ``<audio>`` and a video ``<video>``.

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
            case {"type": "input_audio", "input_audio": dict(audio)}:
                _check_audio(profile, audio)
                return "<audio>"
            case {"type": "audio_url", "audio_url": {"url": str()}} if profile.takes_media_urls:
                return "<audio>"
            case {"type": "video_url", "video_url": {"url": str(url)}} if profile.takes_media_urls:
                if url.startswith("data:"):
                    for frame in url.partition(",")[2].split(","):
                        _decoded(profile, frame, "video_url")
                return "<video>"
    raise invalid(profile, f"A message part of type {kind!r} is not understood.", "messages")


def _check_audio(profile: Profile, audio: JsonObject) -> None:
    """Refuse a recording whose data are not a file of the format that the part names."""
    kind = audio.get("format")
    if kind not in profile.audio_formats:
        wanted = ", ".join(profile.audio_formats)
        raise invalid(profile, f"input_audio.format must be one of {wanted}, got {kind!r}.", "messages")
    data = _decoded(profile, audio.get("data"), "input_audio")
    if not data.startswith(_AUDIO_STARTS[str(kind)]):
        raise invalid(profile, f"The data of input_audio are not a file of format {kind}.", "messages")


def _decoded(profile: Profile, text: object, name: str) -> bytes:
    try:
        data = base64.b64decode(str(text), validate=True)
    except ValueError:
        data = b""
    if not data:
        raise invalid(profile, f"The data of {name} are not base64.", "messages")
    return data


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
