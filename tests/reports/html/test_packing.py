from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest

from lm_eval.reports.html.packing import Chunks, Texts, pack, to_text


def unpack(block: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(block)))


@pytest.mark.parametrize("text", ["</script><!--", "\u2028\u2029", "日本語 🎈", "\x00\x1f", "half \ud83d of one"])
def test_any_text_round_trips(text: str) -> None:
    assert unpack(pack([text])) == [text]


def test_a_block_has_no_letters_that_could_end_a_script() -> None:
    assert set(pack("</script>" * 50)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def test_chunks_keep_the_order_and_have_their_start() -> None:
    chunks = Chunks()
    places = [chunks.add(f"{number} {'x' * 50_000}") for number in range(10)]
    chunks.finish()
    back = [value for block in chunks.blocks for value in unpack(block)]
    assert places == list(range(10))
    assert [value.split()[0] for value in back] == [str(number) for number in range(10)]
    assert [len(unpack(block)) for block in chunks.blocks] == [
        b - a for a, b in zip(chunks.starts, [*chunks.starts[1:], len(chunks)], strict=True)
    ]


def test_texts_are_stored_once() -> None:
    texts = Texts()
    assert [texts.intern(text) for text in ("a", "b", "a")] == [0, 1, 0]


def test_values_other_than_text_are_written_as_json() -> None:
    assert to_text({"a": [1, 2.5]}) == '{\n  "a": [\n    1,\n    2.5\n  ]\n}'
