from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.mock_server.token_text import TokenStyle, lone_token_text, token_texts
from lm_eval.mock_server.tokenizer import default_tokenizer

TOKENIZER = default_tokenizer()
# U+13000: a space and the first byte are one token, the other three bytes one token each.
HIEROGLYPH = TOKENIZER.encode(" 𓀀")


def test_the_example_is_cut_inside_a_character() -> None:
    assert [TOKENIZER.token_bytes[token] for token in HIEROGLYPH] == [b" \xf0", b"\x93", b"\x80", b"\x80"]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("carry", [" ", "", "", "𓀀"]),
        ("drop", [" ", "", "", ""]),
        ("escape", ["bytes:\\x20\\xf0", "bytes:\\x93", "bytes:\\x80", "bytes:\\x80"]),
        ("replace", [" \ufffd", "\ufffd", "\ufffd", "\ufffd"]),
    ],
)
def test_incomplete_characters(style: TokenStyle, expected: list[str]) -> None:
    assert token_texts(TOKENIZER, HIEROGLYPH, style) == expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_carried_texts_join_to_the_text(text: str) -> None:
    ids = TOKENIZER.encode(text, parse_special=False)
    assert "".join(token_texts(TOKENIZER, ids)) == text


@pytest.mark.parametrize(("show", "expected"), [(True, "<s>"), (False, "")])
def test_special_tokens(show: bool, expected: str) -> None:
    assert token_texts(TOKENIZER, [TOKENIZER.bos_id], show_special=show) == [expected]
    assert lone_token_text(TOKENIZER, TOKENIZER.bos_id, "carry", show_special=show) == expected
