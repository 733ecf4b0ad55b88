from __future__ import annotations

import pytest

from lm_eval.text import first_names, sha256, shorten


def test_sha256() -> None:
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_lone_surrogates_can_be_hashed() -> None:
    assert len(sha256("\ud83d")) == 64


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more"), ([1], "1")],
)
def test_the_first_names_are_listed(names: list[object], text: str) -> None:
    assert first_names(names, 2) == text


@pytest.mark.parametrize(("text", "short"), [("abc", "abc"), ("abcd", "ab…"), ("", "")])
def test_long_texts_are_cut(text: str, short: str) -> None:
    assert shorten(text, 3) == short
