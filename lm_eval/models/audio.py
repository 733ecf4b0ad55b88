"""Recordings in the messages of chat models."""

from __future__ import annotations

import base64
import io
import sys
import wave
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.models.media import is_url, read_medium

__all__ = ["audio_part"]

_MAGIC = {b"RIFF": "wav", b"ID3": "mp3", b"\xff\xfb": "mp3", b"\xff\xf3": "mp3", b"fLaC": "flac", b"OggS": "ogg"}
_LOUDEST = 32767


def audio_part(recording: object) -> dict[str, Any]:
    """Write a recording as a part of a message.

    Args:
        recording: A mapping with ``array``, samples from -1 to 1 or whole numbers of 16 bits, and ``sampling_rate``; or
            with ``bytes`` or ``path``; a decoder of ``datasets``; or the bytes, the path or the URL of a file.

    Returns:
        The ``input_audio`` part; samples become a WAV file of 16 bits. For a URL, the ``audio_url`` part.

    Raises:
        ConfigError: The value is no recording, or its file has a format that cannot be told.
    """
    given: Any = recording
    if hasattr(given, "get_all_samples"):  # what datasets gives for a column of recordings, from 4.0 on
        recording = {key: given[key] for key in ("array", "sampling_rate")}
    if isinstance(recording, Mapping):
        if recording.get("array") is not None:
            return _part(_as_wav(recording["array"], recording.get("sampling_rate")), "wav")
        recording = recording.get("bytes") or recording.get("path")
    if isinstance(recording, str) and is_url(recording):
        return {"type": "audio_url", "audio_url": {"url": recording}}
    if isinstance(recording, str | Path):
        recording = read_medium(recording)
    if not isinstance(recording, bytes | bytearray):
        raise ConfigError(f"{type(recording).__name__} is not a recording.")
    data = bytes(recording)
    kind = next((name for start, name in _MAGIC.items() if data.startswith(start)), None)
    if kind is None:
        raise ConfigError("A recording is a WAV, MP3, FLAC or Ogg file; this one is none of them.")
    return _part(data, kind)


def _part(data: bytes, kind: str) -> dict[str, Any]:
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": kind}}


def _as_wav(samples: Sequence[float], rate: object) -> bytes:
    whole = str(getattr(samples, "dtype", "")) == "int16"
    try:
        if whole:
            values = array("h", (int(sample) for sample in samples))
        else:
            values = array("h", (round(max(-1.0, min(1.0, float(sample))) * _LOUDEST) for sample in samples))
        per_second = int(str(rate))
    except (TypeError, ValueError):
        raise ConfigError("A recording has one row of samples from -1 to 1, and a sampling rate.") from None
    if sys.byteorder == "big":
        values.byteswap()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(per_second)
        file.writeframes(values.tobytes())
    return buffer.getvalue()
