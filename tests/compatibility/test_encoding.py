from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from lm_eval import utils


@dataclass
class Point:
    x: int
    y: int


def test_a_dataclass_is_an_object() -> None:
    assert json.loads(json.dumps({"at": Point(1, 2)}, cls=utils.EnhancedJSONEncoder)) == {"at": {"x": 1, "y": 2}}


@pytest.mark.parametrize("value", [Path("x"), Point])
def test_other_objects_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        json.dumps(value, cls=utils.EnhancedJSONEncoder)


class Picture:
    """An image as this module sees one of Pillow."""

    def save(self, fp: BytesIO, format: str) -> None:
        fp.write(format.encode())


Picture.__module__ = "PIL.Image"


def test_bytes_and_images_become_hashes() -> None:
    image, bytes_hash = hashlib.sha256(b"PNG").hexdigest(), utils.convert_bytes_to_hash(b"abc")
    doc = {"a": b"abc", "list": [Picture(), "x"], "deep": {"b": (1, bytearray(b"abc"))}}
    other = utils.convert_bytes_to_hash(bytearray(b"abc"))
    assert utils.hash_dict_images(doc) == {"a": bytes_hash, "list": [image, "x"], "deep": {"b": (1, other)}}
    assert doc["a"] == b"abc"
    assert bytes_hash == "a5525591b56dd3716b7bfcaca8e1bf0800efd81b6d8abb807624aad9ebd8c4ea"


def test_only_a_dict_is_hashed() -> None:
    with pytest.raises(TypeError, match="dictionary"):
        utils.hash_dict_images([b"abc"])
