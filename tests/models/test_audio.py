from __future__ import annotations

import base64
import io
import struct
import wave
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.audio import audio_part
from lm_eval.models.messages import with_audio


@pytest.mark.parametrize(
    ("data", "kind"), [(b"RIFF....WAVE", "wav"), (b"\xff\xfb\x90", "mp3"), (b"fLaC", "flac"), (b"OggS", "ogg")]
)
def test_the_format_of_a_file_is_told_by_its_start(data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "sound").write_bytes(data)
    for recording in (data, str(tmp_path / "sound"), {"bytes": None, "path": str(tmp_path / "sound")}):
        assert audio_part(recording)["input_audio"]["format"] == kind


@pytest.mark.parametrize(
    ("recording", "message"),
    [
        (b"text", "none of them"),
        (7, "int is not a recording"),
        ({"bytes": None}, "NoneType is not a recording"),
        ({"array": [[0.0]], "sampling_rate": 8000}, "one row of samples"),
        ({"array": [0.0], "sampling_rate": None}, "one row of samples"),
    ],
)
def test_what_is_no_recording_is_one_line(recording: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        audio_part(recording)


def test_recordings_need_a_user_message() -> None:
    with pytest.raises(ConfigError, match="recordings but no user message"):
        with_audio([{"role": "system", "content": "x"}], [b"RIFF"])
    (message,) = with_audio([{"role": "user", "content": "x"}], [[b"RIFF", b"OggS"]])
    assert [part["type"] for part in message["content"]] == ["input_audio", "input_audio", "text"]


def samples_of(part: dict[str, Any]) -> tuple[int, ...]:
    with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as file:
        return struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))


def test_whole_numbers_of_16_bits_are_samples_as_they_are() -> None:
    numpy = pytest.importorskip("numpy")
    whole = numpy.array([0, 1, -32768, 32767], dtype="int16")
    assert samples_of(audio_part({"array": whole, "sampling_rate": 8000})) == (0, 1, -32768, 32767)
    parts = numpy.array([0.0, 0.5, -1.0], dtype="float32")
    assert samples_of(audio_part({"array": parts, "sampling_rate": 8000})) == (0, 16384, -32767)


class Decoder(dict[str, Any]):
    """Reads like a decoder of datasets, which is no mapping there."""

    def get_all_samples(self) -> None: ...


def test_a_decoder_is_read_and_a_url_stays() -> None:
    assert samples_of(audio_part(Decoder(array=[1.0], sampling_rate=8000))) == (32767,)
    assert audio_part("https://h/a.mp3") == {"type": "audio_url", "audio_url": {"url": "https://h/a.mp3"}}
    with pytest.raises(ConfigError, match=r"'missing\.wav' cannot be read"):
        audio_part("missing.wav")
    # One recording needs no list.
    (message,) = with_audio([{"role": "user", "content": "x"}], {"array": [0.0], "sampling_rate": 8000})
    assert [part["type"] for part in message["content"]] == ["input_audio", "text"]
