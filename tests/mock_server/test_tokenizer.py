from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.mock_server.bpe_training import MERGE_LIMIT, learn_merges
from lm_eval.mock_server.corpus import documents
from lm_eval.mock_server.tokenizer import (
    FIRST_MERGE_ID,
    SPECIAL_TOKENS,
    default_tokenizer,
    pre_tokens_as_bytes,
    read_merges,
)

TOKENIZER = default_tokenizer()


@given(st.text())
def test_any_text_round_trips(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text, parse_special=False)) == text


@given(st.text(st.sampled_from("ab .\n\té日🙂7<s>|"), max_size=40))
def test_texts_with_special_names_round_trip(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@pytest.mark.parametrize("special", SPECIAL_TOKENS)
def test_special_tokens_are_one_token(special: str) -> None:
    assert TOKENIZER.encode(f"a{special}b")[1] == TOKENIZER.special_ids[special]


def test_special_names_can_be_plain_text() -> None:
    assert TOKENIZER.bos_id not in TOKENIZER.encode("<s>", parse_special=False)


def test_common_words_are_one_token() -> None:
    assert len(TOKENIZER.encode("The capital of France is Paris.")) == 7


def test_some_tokens_hold_part_of_a_character() -> None:
    ids = TOKENIZER.encode("𓀀")
    assert len(ids) > 1
    assert any(TOKENIZER.token_text[token] is None for token in ids)


def test_tokens_do_not_cross_from_a_word_into_white_space() -> None:
    assert TOKENIZER.decode(TOKENIZER.encode("Answer: ")[-1:]) == " "


def test_the_shipped_merges_are_learnt_from_the_text() -> None:
    words = [word for document in documents() for word in pre_tokens_as_bytes(document)]
    assert learn_merges(words, FIRST_MERGE_ID, MERGE_LIMIT) == read_merges()


def test_vocabulary_pieces_are_distinct_and_visible() -> None:
    pieces = [TOKENIZER.vocabulary_piece(token) for token in range(TOKENIZER.vocab_size)]
    assert len(set(pieces)) == TOKENIZER.vocab_size
    assert not any(character.isspace() for piece in pieces for character in piece)
