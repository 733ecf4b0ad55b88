from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.messages import with_videos
from lm_eval.models.video import video_part

MP4 = b"\0\0\0\x18ftypisom rest"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (MP4, "mp4"),
        (b"\0\0\0\x14ftypqt  ", "quicktime"),
        (b"\x1aE\xdf\xa3....webm", "webm"),
        (b"\x1aE\xdf\xa3....matroska", "x-matroska"),
        (b"RIFF....AVI LIST", "x-msvideo"),
    ],
)
def test_the_format_of_a_file_is_told_by_its_start(data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(data)
    url = f"data:video/{kind};base64,{base64.b64encode(data).decode()}"
    for video in (data, tmp_path / "film", str(tmp_path / "film"), {"bytes": data}, {"path": str(tmp_path / "film")}):
        assert video_part(video) == {"type": "video_url", "video_url": {"url": url}}


def test_urls_stay() -> None:
    assert video_part("https://h/x.mp4") == {"type": "video_url", "video_url": {"url": "https://h/x.mp4"}}


class Frame:
    mode = "RGBA"

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, mode: str) -> Frame:
        assert mode == "RGB"
        return Frame(self.name + "!")

    def save(self, buffer: io.BytesIO, format: str) -> None:
        buffer.write(f"{self.name} {format}".encode())


def test_frames_become_images_in_one_url() -> None:
    url = video_part({"frames": [Frame("a"), Frame("b")]})["video_url"]["url"]
    start, *frames = url.split(",")
    assert start == "data:video/jpeg;base64"
    assert [base64.b64decode(frame) for frame in frames] == [b"a! JPEG", b"b! JPEG"]


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (b"text", "none of them"),
        (b"RIFF....WAVE", "none of them"),
        (7, "int is not a video"),
        ({"bytes": None}, "NoneType is not a video"),
        ({"frames": []}, "no frames"),
        ("missing.mp4", r"'missing\.mp4' cannot be read"),
    ],
)
def test_what_is_no_video_is_one_line(video: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        video_part(video)


def test_videos_come_before_the_text() -> None:
    (message,) = with_videos([{"role": "user", "content": "x"}], [[MP4], MP4])
    assert [part["type"] for part in message["content"]] == ["video_url", "video_url", "text"]
    with pytest.raises(ConfigError, match="videos but no user message"):
        with_videos([{"role": "system", "content": "x"}], MP4)
