"""Prompts of chat models: messages that can be hashed, and images and recordings in them."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError, MissingPackageError

__all__ = ["ChatPrompt", "Message", "TemplatedPrompt", "create_image_prompt", "with_audio", "with_images"]

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


def with_images(messages: Sequence[Message], images: Sequence[object], max_images: int) -> list[Message]:
    """Put images into the last user message, before its text.

    Args:
        messages: The prompt.
        images: PIL images, bytes of image files, paths, URLs, or lists of these.
        max_images: Maximum number of images to send.

    Returns:
        The messages with ``image_url`` parts.

    Raises:
        ConfigError: There is no user message, or a value is not an image.
    """
    flat = [image for entry in images for image in (entry if isinstance(entry, list | tuple) else [entry])]
    parts = [
        {"type": "image_url", "image_url": {"url": _as_url(image), "detail": "auto"}} for image in flat[:max_images]
    ]
    return _before_text(messages, parts, "images")


def with_audio(messages: Sequence[Message], recordings: Sequence[object]) -> list[Message]:
    """Put recordings into the last user message, before its text.

    Args:
        messages: The prompt.
        recordings: Samples with their rate, bytes or paths of audio files; or lists of these.

    Returns:
        The messages with ``input_audio`` parts.

    Raises:
        ConfigError: There is no user message, or a value is not a recording.
    """
    from lm_eval.models.audio import audio_part

    flat = [entry for entries in recordings for entry in (entries if isinstance(entries, list | tuple) else [entries])]
    return _before_text(messages, [audio_part(recording) for recording in flat], "recordings")


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
    if isinstance(image, str) and image.startswith(("http://", "https://", "data:")):
        return image
    if isinstance(image, str | Path):
        image = Path(image).read_bytes()
    if not isinstance(image, bytes | bytearray):
        image = _as_png(image)
    start = bytes(image[:4])
    kind = next((name for magic, name in _TYPES.items() if start.startswith(magic)), "png")
    return f"data:image/{kind};base64,{base64.b64encode(bytes(image)).decode()}"


def _as_png(image: Any) -> bytes:
    import io

    if not hasattr(image, "save"):
        try:
            from_array = importlib.import_module("PIL.Image").fromarray
        except ImportError as error:
            raise MissingPackageError("Images of this task need Pillow: pip install pillow.") from error
        try:
            image = from_array(image)
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"{type(image).__name__} is not an image.") from error
    buffer = io.BytesIO()
    if getattr(image, "mode", "RGB") not in ("1", "L", "P", "RGB", "RGBA"):
        image = image.convert("RGB")
    image.save(buffer, format="PNG")
    return buffer.getvalue()
