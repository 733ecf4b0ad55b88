from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.models.logprobs.blocks import Block
from lm_eval.models.logprobs.seams import (
    common_prefix,
    prompt_tokens_of,
    seam_by_offsets,
    seam_by_pieces,
    seam_by_texts,
    split_pair,
)


def block(tokens: list[str], offsets: list[int] | None = None, text: str = "") -> Block:
    return Block(text, tokens, [-1.0] * len(tokens), [-1.0] * len(tokens), offsets)


def offsets_of(tokens: list[str]) -> list[int]:
    return [sum(map(len, tokens[:place])) for place in range(len(tokens))]


@pytest.mark.parametrize(
    ("context", "continuation", "split"),
    [
        ("a ", "b", ("a", " b")),
        ("a", " b", ("a", " b")),
        ("a\n\n", "b", ("a", "\n\nb")),
        ("  ", "b", ("", "  b")),
        ("", "b", ("", "b")),
    ],
)
def test_white_space_at_the_seam_moves_to_the_continuation(
    context: str, continuation: str, split: tuple[str, str]
) -> None:
    assert split_pair(context, continuation) == split


@pytest.mark.parametrize(
    ("tokens", "context", "continuation", "seam"),
    [
        (["<s>", "The", " cat", " sat"], "The cat", " sat", 3),
        (["foo", " bar", " baz"], "foo ba", "r baz", 1),
        (["Answer", ":", "A"], "Answer:", " A", 2),
        (["Answer", ":", " ", "A"], "Answer:", " A", 2),
        (["", "user", "\n", "A"], "<start>user", "\nA", 2),
        (["ca", "f", "", "é"], "caf", "é", 2),
        (["x", " ", "", "", "日"], "x", " 日", 1),
        (["a", "\n"], "a", "\n", 1),
    ],
)
def test_seam_by_texts(tokens: list[str], context: str, continuation: str, seam: int) -> None:
    assert seam_by_texts(tokens, context, continuation) == seam


@pytest.mark.parametrize(
    ("tokens", "context", "continuation"),
    [
        (["日", "", "本"], "日", "本"),
        (["a", "\ufffd", "\ufffd"], "a", "é"),
        (["a", "b"], "x", "y"),
        (["a", "o\n"], "ao", "\n "),
    ],
)
def test_seam_by_texts_is_none_if_the_texts_are_ambiguous(tokens: list[str], context: str, continuation: str) -> None:
    assert seam_by_texts(tokens, context, continuation) is None


def test_escaped_bytes_are_read() -> None:
    tokens = ["日", "bytes:\\xe6\\x9c", "bytes:\\xac", "x"]
    assert seam_by_texts(tokens, "日", "本x") == 1


def test_offsets_that_count_a_bos_token_are_shifted_back() -> None:
    tokens = ["<s>", "The", " cat", " sat"]
    assert seam_by_offsets(block(tokens, offsets_of(tokens)), 4, "The cat", " sat") == 3


def test_a_bos_token_in_the_text_itself_shifts_nothing() -> None:
    tokens = ["<s>", "The", " cat"]
    assert seam_by_offsets(block(tokens, offsets_of(tokens)), 3, "<s>The", " cat") == 2


def test_offsets_that_contradict_the_tokens_are_not_used() -> None:
    assert seam_by_offsets(block(["The", " cat"], [0, 1]), 2, "The", " cat") is None
    assert seam_by_offsets(block(["The", " cat"], [-1, -1]), 2, "The", " cat") is None
    assert seam_by_offsets(block(["a", "b", "bb", "b"], [-1, 0, 1, 2]), 4, "a", "bbb") is None


def test_empty_tokens_at_the_offset_of_the_seam_belong_to_the_continuation() -> None:
    tokens = ["caf", "", "é"]
    assert seam_by_offsets(block(tokens, offsets_of(tokens)), 3, "caf", "é") == 1


def test_seam_by_pieces_sees_a_token_that_holds_bytes_of_both_sides() -> None:
    first, second = "日".encode(), "本".encode()
    pieces = [first[:2], first[2:] + second[:1], second[1:]]
    assert seam_by_pieces(pieces, "本") == 1
    assert seam_by_pieces([b"<bos>", first, second], "本") == 2
    assert seam_by_pieces([b"a"], "b") is None


words = st.text(st.sampled_from("ab \n<é日🙂"), max_size=12)


@given(words, words, st.lists(st.integers(1, 4), max_size=30), st.booleans())
def test_both_ways_agree_with_the_pieces_the_text_was_cut_in(
    left: str, right: str, sizes: list[int], bos: bool
) -> None:
    context, continuation = split_pair(left, right)
    text, tokens = context + continuation, []
    while text:
        size = sizes.pop() if sizes else 1
        tokens.append(text[:size])
        text = text[size:]
    if not continuation:
        return
    expected = 0
    while sum(map(len, tokens[: expected + 1])) <= len(context):
        expected += 1
    shown = [*(["<s>"] if bos else []), *tokens]
    expected += bos
    assert seam_by_texts(shown, context, continuation) == expected
    assert seam_by_offsets(block(shown, offsets_of(shown)), len(shown), context, continuation) == expected


@pytest.mark.parametrize(
    ("tokens", "text", "listed", "count"),
    [
        (["a", "b", "c"], "abc", None, 2),
        (["a", "b", ""], "ab", None, 2),
        (["a", "b", "</s>"], "ab", None, 2),
        (["a", "b"], "ab", None, 2),
        (["a", "b", "c"], "abc", 2, 2),
        (["a", "b"], "ab", 2, 2),
        (["a"], "ab", 2, None),
        (["a", "b", "c", "d"], "ab", 2, None),
    ],
)
def test_the_generated_token_is_not_part_of_the_prompt(
    tokens: list[str], text: str, listed: int | None, count: int | None
) -> None:
    assert prompt_tokens_of(block(tokens, text=text), "ab", listed) == count


def test_common_prefix() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 4]) == 2
    assert common_prefix([1], [1, 2]) == 1
