from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.models.messages import ChatPrompt, with_images

PNG = b"\x89PNG\r\n\x1a\n rest"


def test_a_chat_prompt_hashes_compares_and_dumps_as_messages() -> None:
    messages = [{"role": "user", "content": "naïve"}]
    one, two = ChatPrompt(messages), ChatPrompt([dict(messages[0])])
    assert one == two
    assert len({one, two}) == 1
    assert json.loads(json.dumps(one)) == messages
    assert json.loads(str(one)) == messages


class Picture:
    mode = "CMYK"

    def convert(self, mode: str) -> Picture:
        assert mode == "RGB"
        return self

    def save(self, buffer: io.BytesIO, format: str) -> None:
        buffer.write(PNG)


@pytest.mark.parametrize("image", [PNG, {"bytes": PNG}, Picture()])
def test_images_become_parts_before_the_text(image: object) -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "look <image>"}]
    system, user = with_images(messages, [image], 1)
    assert system == messages[0]
    picture, text = user["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert text == {"type": "text", "text": "look <image>"}
    assert messages[1]["content"] == "look <image>"


def test_images_come_from_files_and_urls_up_to_max_images(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0 rest")
    (user,) = with_images([{"role": "user", "content": "q"}], [[str(file)], "http://h/x.png", PNG], 2)
    urls = [part["image_url"]["url"] for part in user["content"][:-1]]
    assert urls[0].startswith("data:image/jpeg;base64,")
    assert urls[1:] == ["http://h/x.png"]


def test_images_need_a_user_message() -> None:
    with pytest.raises(ConfigError, match="no user message"):
        with_images([{"role": "system", "content": "s"}], [PNG], 1)
