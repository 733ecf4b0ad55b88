from __future__ import annotations

import base64

import pytest

from lm_eval.config.redact import Redactor, redact_words, shown_url


def test_urls_lose_credentials() -> None:
    assert shown_url("https://me:pass@host:8/v1?api_key=abc#x") == "https://host:8/v1"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcd1234efgh",
        "Incorrect API key provided: sk-proj-abc*****wxyz.",
        "token hf_Wx-98765ijkl is wrong",
    ],
)
def test_text_that_looks_like_a_key_is_hidden(text: str) -> None:
    shown = Redactor()(text)
    assert "***" in shown
    assert not any(part in shown for part in ("abcd1234efgh", "sk-proj", "hf_abc"))


def test_known_secrets_are_hidden_wherever_they_came_from() -> None:
    redact = Redactor(["own-secret"])
    redact.add_headers({"api-key": "header-secret", "X-Auth": "Token scheme-secret", "Accept": "application/json"})
    redact.add_url("http://user:url-secret@host/v1?key=query-secret&api-version=2024-02-01")
    text = "own-secret header-secret scheme-secret url-secret query-secret application/json 2024-02-01"
    assert redact(text) == "*** *** *** *** *** application/json 2024-02-01"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:pa/ss@host:8/v1", "http://host:8/v1"),
        ("http://user:pa#ss@host/v1?x=1", "http://host/v1"),
        ("http://user:p@ss@host/v1", "http://host/v1"),
        ("http://user:pa?ss@host/v1", "http://host/v1"),
        ("host:8000/v1", "host:8000/v1"),
        ("http://host/v1/@cf/model", "http://host/v1/@cf/model"),
    ],
)
def test_urls_with_passwords_that_should_be_encoded_lose_them(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_all_forms_of_a_password_in_a_url_are_hidden() -> None:
    redact = Redactor()
    redact.add_url("https://user:p%40ss%2Fword@host/v1")
    basic = base64.b64encode(b"user:p@ss/word").decode()
    assert redact(f"p%40ss%2Fword, p@ss/word, {basic}") == "***, ***, ***"


def test_words_of_a_command_line_lose_their_secrets() -> None:
    words = ["run", "--model_args", 'model=m,auth_token=Wx-98765,header={"X": "Wx-98765"},num_concurrent=4', "--seed=1"]
    words += [
        "--model_args=base_url=http://u:p/w@host:1/v1",
        "-a",
        '{"auth_token": "Wx-98765"}',
        "--api_key",
        "Wx-98765",
    ]
    words += ["--gen_kwargs", 'until="\n\n",max_tokens=5', "--model_args", "auth_token=env:KEY"]
    assert redact_words(words) == [
        *["run", "--model_args", "model=m,auth_token=***,header=***,num_concurrent=4", "--seed=1"],
        *["--model_args=base_url=http://***@host:1/v1", "-a", '{"auth_token": "***"}', "--api_key", "***"],
        *["--gen_kwargs", 'until="\n\n",max_tokens=5', "--model_args", "auth_token=env:KEY"],
    ]
