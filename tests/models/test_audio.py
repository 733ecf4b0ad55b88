from __future__ import annotations

from pathlib import Path

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
