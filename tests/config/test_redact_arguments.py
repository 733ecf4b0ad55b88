from __future__ import annotations

from typing import Any

import pytest

from lm_eval.config.redact import redact


@pytest.mark.parametrize(
    "name",
    ["api_key", "auth_token", "token", "hf_token", "openai_api_key", "OPENAI_API_KEY", "password", "client_secret"],
)
def test_values_of_secret_arguments_are_masked(name: str) -> None:
    assert redact({name: "s3cret"}) == {name: "***"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "gpt-4o"),
        ("eos_token", "</s>"),
        ("think_end_token", "</think>"),
        ("max_tokens", 16),
        ("max_tokens_total", "1000"),
        ("add_bos_token", True),
        ("tokenizer_backend", "remote"),
        ("base_url", "http://127.0.0.1:8000/v1"),
        ("custom_prefix_token_id", 2),
        ("key_frames", "all"),
    ],
)
def test_other_arguments_stay(name: str, value: Any) -> None:
    assert redact({name: value}) == {name: value}


def test_header_values_are_masked_except_harmless_ones() -> None:
    header = {"Authorization": "Bearer abcdef", "X-Org": "acme", "User-Agent": "tests"}
    assert redact({"header": header}) == {"header": {"Authorization": "***", "X-Org": "***", "User-Agent": "tests"}}


def test_a_header_given_as_text_is_masked_completely() -> None:
    assert redact({"header": "Authorization: abc"}) == {"header": "***"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pw@host/v1", "https://***@host/v1"),
        ("http://a;http://u:p@b/v1", "http://a;http://***@b/v1"),
        ("https://host/v1?api_key=abc&version=2", "https://host/v1?api_key=***&version=2"),
        ("Bearer abcdefgh", "***"),
        ("uses sk-abcdefgh12 today", "uses *** today"),
    ],
)
def test_credentials_within_text_are_masked(text: str, expected: str) -> None:
    assert redact({"base_url": text}) == {"base_url": expected}


def test_nested_values_and_lists_are_searched() -> None:
    value = {"extra_body": {"auth": {"x": 1}, "list": ["https://u:p@h"]}, "base_url": ["http://a", "http://u:p@b"]}
    assert redact(value) == {
        "extra_body": {"auth": "***", "list": ["https://***@h"]},
        "base_url": ["http://a", "http://***@b"],
    }


def test_the_argument_is_not_changed() -> None:
    given = {"api_key": "s3cret"}
    redact(given)
    assert given == {"api_key": "s3cret"}
