from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.media import are_given, check_size, flat_media, read_medium, size_of


def test_media_are_one_value_or_lists_of_them() -> None:
    assert flat_media({"bytes": b"x"}) == [{"bytes": b"x"}]
    assert flat_media("a.png") == ["a.png"]
    assert flat_media([["a"], None, ("b", [b"c"])]) == ["a", "b", b"c"]
    assert flat_media(None) == []
    assert [are_given(value) for value in (None, [], {}, "", ["a"], {"bytes": b"x"}, 7)] == [False] * 4 + [True] * 3


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert read_medium(tmp_path / "a") == b"x"
    with pytest.raises(ConfigError, match=r"The medium '.*missing\.png' cannot be read: No such file"):
        read_medium(tmp_path / "missing.png")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_medium("a\0b")


def test_the_size_is_that_of_the_data_in_the_request() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": "u" * 500_000}},
        {"type": "input_audio", "input_audio": {"data": "d" * 1_000_000, "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "v" * 600_000}},
        {"type": "text", "text": "t" * 9_000_000},
    ]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "x" * 9_000_000},
        {"role": "user", "content": parts},
    ]
    assert size_of(messages) == 2_100_000
    check_size(messages, 2.1)
    check_size(messages, None)
    with pytest.raises(ConfigError, match=r"take 2\.1 MB in the request, more than max_media_mb=2;"):
        check_size(messages, 2)
