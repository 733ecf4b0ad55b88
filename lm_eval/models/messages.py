"""Prompts of chat models: messages that can be hashed, and images, recordings and videos in them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.models.media import encode_image, flat_media, is_url, read_medium

__all__ = [
    "ChatPrompt",
    "Message",
    "TemplatedPrompt",
    "create_image_prompt",
    "with_audio",
    "with_images",
    "with_videos",
]

Message = dict[str, Any]
"""One message of a chat: ``role`` and ``content``."""
_TYPES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}


class ChatPrompt(tuple[Message, ...]):
    """Messages as a prompt: compared by content, hashable, written to JSON as a list of messages."""

    def __new__(cls, prompt: str | Iterable[Message] = ()) -> ChatPrompt:
        """Build a prompt from messages, or from their JSON text.

        Args:
            prompt: The messages.
        """
        return super().__new__(cls, json.loads(prompt) if isinstance(prompt, str) else prompt)

    def __hash__(self) -> int:
        return hash(self.prompt)

    def __getnewargs__(self) -> tuple[list[Message]]:
        return (list(self),)

    @property
    def prompt(self) -> str:
        """The messages as JSON text."""
        return json.dumps(list(self), ensure_ascii=False)

    def encode(self, encoding: str = "utf-8") -> bytes:
        """Encode the JSON text.

        Args:
            encoding: The name of an encoding.

        Returns:
            The bytes.
        """
        return self.prompt.encode(encoding)

    def __str__(self) -> str:
        return self.prompt


class TemplatedPrompt(ChatPrompt):
    """Messages that become text with a chat template before they are sent.

    Attributes:
        continues: Whether the answer continues the last message, which is the start of an answer.
    """

    continues: bool = False

    @classmethod
    def of(cls, messages: Iterable[Message], *, continues: bool) -> TemplatedPrompt:
        """Build a prompt.

        Args:
            messages: The messages.
            continues: Whether the answer continues the last message.
        """
        prompt = cls(messages)
        prompt.continues = continues
        return prompt


def create_image_prompt(imgs: Sequence[object], chat: list[Message], fmt: str = "PNG") -> list[Message]:
    """Put images into the last message of a chat, before its text.

    Args:
        imgs: PIL images.
        chat: The messages; the last of them is changed.
        fmt: The format that the images are encoded in.

    Returns:
        The same list.
    """
    parts = [{"type": "image_url", "image_url": {"url": _encoded(image, fmt), "detail": "auto"}} for image in imgs]
    last = chat[-1]
    content = last["content"]
    last["content"] = [*parts, *(content if isinstance(content, list) else [{"type": "text", "text": content}])]
    last.pop("type", None)
    return chat


def _encoded(image: Any, fmt: str) -> str:
    import io

    buffer = io.BytesIO()
    image.save(buffer, format=fmt)
    return f"data:image/{fmt.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def with_images(messages: Sequence[Message], images: object, max_images: int) -> list[Message]:
    """Put images into the last user message, before its text.

    Args:
        messages: The prompt.
        images: A PIL image, bytes of an image file, a path, a URL, or a list of these, or of lists.
        max_images: Maximum number of images to send.

    Returns:
        The messages with ``image_url`` parts.

    Raises:
        ConfigError: There is no user message, or a value is not an image.
    """
    parts = [
        {"type": "image_url", "image_url": {"url": _as_url(image), "detail": "auto"}}
        for image in flat_media(images)[:max_images]
    ]
    return _before_text(messages, parts, "images")


def with_audio(messages: Sequence[Message], recordings: object) -> list[Message]:
    """Put recordings into the last user message, before its text.

    Args:
        messages: The prompt.
        recordings: Samples with their rate, bytes, a path or a URL of an audio file; a list of these, or of lists.

    Returns:
        The messages with ``input_audio`` parts, and ``audio_url`` parts for URLs.

    Raises:
        ConfigError: There is no user message, or a value is not a recording.
    """
    from lm_eval.models.audio import audio_part

    return _before_text(messages, [audio_part(recording) for recording in flat_media(recordings)], "recordings")


def with_videos(messages: Sequence[Message], videos: object) -> list[Message]:
    """Put videos into the last user message, before its text.

    Args:
        messages: The prompt.
        videos: Bytes, a path or a URL of a video file, a mapping with ``frames``; a list of these, or of lists.

    Returns:
        The messages with ``video_url`` parts.

    Raises:
        ConfigError: There is no user message, or a value is not a video.
    """
    from lm_eval.models.video import video_part

    return _before_text(messages, [video_part(video) for video in flat_media(videos)], "videos")


def _before_text(messages: Sequence[Message], parts: Sequence[Mapping[str, object]], what: str) -> list[Message]:
    result = [dict(message) for message in messages]
    for message in reversed(result):
        if message.get("role") == "user":
            content = message.get("content", "")
            text = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
            message["content"] = [*parts, *text]
            return result
    raise ConfigError(f"The prompt has {what} but no user message to put them in.")


def _as_url(image: object) -> str:
    if isinstance(image, Mapping):
        image = image.get("bytes") or image.get("path") or image
    if isinstance(image, str) and is_url(image):
        return image
    if isinstance(image, str | Path):
        image = read_medium(image)
    if not isinstance(image, bytes | bytearray):
        image = encode_image(image, "PNG")
    start = bytes(image[:4])
    kind = next((name for magic, name in _TYPES.items() if start.startswith(magic)), "png")
    return f"data:image/{kind};base64,{base64.b64encode(bytes(image)).decode()}"
