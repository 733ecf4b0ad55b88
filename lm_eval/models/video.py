"""Videos in the messages of chat models."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.models.media import encode_image, is_url, read_medium

__all__ = ["video_part"]

_BOXES = {b"ftypqt": "quicktime", b"ftyp": "mp4"}
"""What follows the length of the first box of a file in this family of formats."""


def video_part(video: object) -> dict[str, Any]:
    """Write a video as a part of a message.

    Args:
        video: The bytes or the path of a file, its URL, a mapping with ``bytes`` or ``path``, or the frames: images or
            arrays of pixels, as a mapping with ``frames``.

    Returns:
        The ``video_url`` part; frames become JPEG images in one ``video/jpeg`` URL, as vLLM reads them.

    Raises:
        ConfigError: The value is no video, or its file has a format that cannot be told.
    """
    if isinstance(video, Mapping):
        frames = video.get("frames")
        if frames is not None:
            texts = [base64.b64encode(encode_image(frame, "JPEG")).decode() for frame in frames]
            if not texts:
                raise ConfigError("A video has no frames.")
            return _part(f"data:video/jpeg;base64,{','.join(texts)}")
        video = video.get("bytes") or video.get("path")
    if isinstance(video, str) and is_url(video):
        return _part(video)
    if isinstance(video, str | Path):
        video = read_medium(video)
    if not isinstance(video, bytes | bytearray):
        raise ConfigError(f"{type(video).__name__} is not a video.")
    data = bytes(video)
    return _part(f"data:video/{_kind(data)};base64,{base64.b64encode(data).decode()}")


def _kind(data: bytes) -> str:
    kind = next((name for start, name in _BOXES.items() if data[4:].startswith(start)), None)
    if kind is None and data.startswith(b"\x1aE\xdf\xa3"):
        kind = "webm" if b"webm" in data[:64] else "x-matroska"
    if kind is None and data.startswith(b"RIFF") and data[8:11] == b"AVI":
        kind = "x-msvideo"
    if kind is None:
        raise ConfigError("A video is an MP4, QuickTime, WebM, Matroska or AVI file; this one is none of them.")
    return kind


def _part(url: str) -> dict[str, Any]:
    return {"type": "video_url", "video_url": {"url": url}}
