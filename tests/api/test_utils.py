from __future__ import annotations

import pytest

from lm_eval.api.utils import (
    Message,
    ends_with_whitespace,
    format_turn,
    maybe_delimit,
    messages_to_text,
    multiturn_to_singleturn,
    random_task_id,
    requires_delimiter,
)


@pytest.mark.parametrize(
    ("prefix", "suffix", "joined", "needed"),
    [
        ("a", "b", "a--b", True),
        ("a ", "b", "a b", False),
        ("a", " b", "a b", False),
        ("a\n", " b", "a\n b", False),
        ("", "b", "b", False),
        ("a", "", "a", True),
    ],
)
def test_texts_are_joined_once(prefix: str, suffix: str, joined: str, needed: bool) -> None:
    assert maybe_delimit(prefix, suffix, "--") == joined
    assert requires_delimiter(prefix, suffix) is needed


def test_no_text_is_joined_as_an_empty_one() -> None:
    assert [maybe_delimit(None, "b"), maybe_delimit("a", None), maybe_delimit(None, None)] == ["b", "a", ""]


def test_white_space_at_the_end() -> None:
    assert [ends_with_whitespace(text) for text in ("", "a", "a ", "a\n")] == [False, False, True, True]


def test_a_message_is_text_or_a_turn() -> None:
    message = Message("user", "Q", "\n\n")
    assert message.to_text() == "Q\n\n"
    assert message.to_dict() == {"role": "user", "content": "Q"}
    assert messages_to_text([message, Message("assistant", "A")]) == "Q\n\nA"


def test_turns_become_one_message() -> None:
    turns = [Message("user", "Q1", " "), Message("assistant", "A1", "\n\n"), Message("user", "Q2", "\n")]
    one = {"role": "user", "content": "Q1 A1\n\nQ2"}
    assert multiturn_to_singleturn(turns) == [one]
    assert multiturn_to_singleturn([Message("system", "S"), *turns]) == [{"role": "system", "content": "S"}, one]
    assert multiturn_to_singleturn([*turns, Message("assistant", "The")]) == [
        one,
        {"role": "assistant", "content": "The"},
    ]


def test_a_turn_may_have_a_type() -> None:
    assert format_turn("x", "user") == {"role": "user", "content": "x"}
    assert format_turn("x", "user", "text") == {"type": "text", "role": "user", "content": "x"}


def test_a_drawn_name_is_short_and_plain() -> None:
    name = random_task_id()
    assert len(name) == 8 and name.isalnum() and name == name.lower()
