"""What all media in messages have in common: files, URLs, images as files, and their size in a request."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError, MissingPackageError

__all__ = ["are_given", "check_size", "encode_image", "flat_media", "is_url", "read_medium", "size_of"]

_MEGABYTE = 1_000_000


def are_given(media: object) -> bool:
    """Say whether a document has media: a value that is not None, and no empty list.

    Args:
        media: What the task reads from the document.
    """
    return media is not None and not (isinstance(media, list | tuple | str | bytes | Mapping) and not media)


def flat_media(media: object) -> list[object]:
    """List the media of a document.

    Args:
        media: One medium, a list of them, or a list with lists.

    Returns:
        The media, without those that are None.
    """
    if isinstance(media, list | tuple):
        return [medium for entry in media for medium in flat_media(entry)]
    return [] if media is None else [media]


def is_url(text: str) -> bool:
    """Say whether a text is a URL that the server reads itself, or one that holds the data."""
    return text.startswith(("http://", "https://", "data:"))


def read_medium(path: str | Path) -> bytes:
    """Read the file of a medium.

    Args:
        path: The path.

    Returns:
        Its bytes.

    Raises:
        ConfigError: The file cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"The medium {str(path)[:200]!r} cannot be read: {why}.") from None


def encode_image(image: Any, kind: str) -> bytes:
    """Encode an image as a file.

    Args:
        image: A PIL image, or an array of pixels.
        kind: ``PNG`` or ``JPEG``.

    Returns:
        The bytes of the file.

    Raises:
        ConfigError: The value is no image.
        MissingPackageError: Pillow is not installed.
    """
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
    if getattr(image, "mode", "RGB") not in (("1", "L", "P", "RGB", "RGBA") if kind == "PNG" else ("L", "RGB")):
        image = image.convert("RGB")
    image.save(buffer, format=kind)
    return buffer.getvalue()


def size_of(messages: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of bytes that the media of a prompt take in the request.

    Args:
        messages: The prompt.
    """
    contents = (message.get("content") for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    held = (part.get(str(part.get("type"))) for part in parts if isinstance(part, Mapping))
    return sum(
        len(value)
        for medium in held
        if isinstance(medium, Mapping)
        for value in (medium.get("url"), medium.get("data"))
        if isinstance(value, str)
    )


def check_size(messages: Sequence[Mapping[str, Any]], limit: float | None) -> None:
    """Refuse a prompt whose media are larger than a request may be.

    Args:
        messages: The prompt.
        limit: The maximum in MB; None for no limit.

    Raises:
        ConfigError: They are larger.
    """
    if limit is not None and (size := size_of(messages)) > limit * _MEGABYTE:
        raise ConfigError(
            f"The media of a document take {size / _MEGABYTE:,.1f} MB in the request, more than max_media_mb={limit:g};"
            " raise it in --model_args, or leave the document out."
        )
