from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import MalformedResponse
from lm_eval.models.generation import to_payload
from lm_eval.models.http.choices import text_of


def payload(gen_kwargs: dict[str, Any], eos: str | None = None, seed: int | None = 1234) -> dict[str, Any]:
    return to_payload(gen_kwargs, default_max_tokens=256, seed=seed, eos=eos)


@pytest.mark.parametrize(
    ("gen_kwargs", "expected"),
    [
        ({}, {"max_tokens": 256, "temperature": 0, "seed": 1234}),
        (
            {"until": ["\n"], "max_gen_toks": 5, "do_sample": False, "temperature": 0.0, "top_p": 0.5},
            {"max_tokens": 5, "temperature": 0.0, "stop": ["\n"], "seed": 1234, "top_p": 0.5},
        ),
        ({"until": "x", "max_tokens": 7}, {"max_tokens": 7, "temperature": 0, "stop": ["x"], "seed": 1234}),
        ({"max_tokens": 7, "max_gen_toks": 8}, {"max_tokens": 8, "temperature": 0, "seed": 1234}),
        ({"seed": 3}, {"max_tokens": 256, "temperature": 0, "seed": 3}),
        ({"until": list("abcdef")}, {"max_tokens": 256, "temperature": 0, "stop": list("abcd"), "seed": 1234}),
        ({"until": ["", "a"]}, {"max_tokens": 256, "temperature": 0, "stop": ["a"], "seed": 1234}),
    ],
)
def test_settings_become_fields(gen_kwargs: dict[str, Any], expected: dict[str, Any]) -> None:
    given = dict(gen_kwargs)
    assert payload(given) == expected
    assert given == gen_kwargs


def test_the_end_of_text_is_an_additional_stop() -> None:
    assert payload({"until": ["a"]}, eos="</s>")["stop"] == ["a", "</s>"]


def test_no_seed_sends_none() -> None:
    assert "seed" not in payload({}, seed=None)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"text": "a"}, "a"),
        ({"text": None}, ""),
        ({"message": {"content": "a"}}, "a"),
        ({"message": {"content": None}}, ""),
        ({"message": {"role": "assistant", "reasoning": "hm"}}, ""),
        ({"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}, "ab"),
    ],
)
def test_text_is_found(choice: dict[str, Any], text: str) -> None:
    assert text_of(choice) == text


@pytest.mark.parametrize("choice", [{}, {"text": 5}, {"message": {}}, {"message": {"content": {"a": 1}}}])
def test_no_text_is_malformed(choice: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponse):
        text_of(choice)
