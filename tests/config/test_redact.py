from __future__ import annotations

import pytest

from lm_eval.config.redact import Redactor, shown_url


def test_urls_lose_credentials() -> None:
    assert shown_url("https://me:pass@host:8/v1?api_key=abc#x") == "https://host:8/v1"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcd1234efgh",
        "Incorrect API key provided: sk-proj-abc*****wxyz.",
        "token hf_abcdefghijkl is wrong",
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
