from __future__ import annotations

from typing import Any

import pytest

from lm_eval.mock_server.constraints import allowed_texts
from lm_eval.mock_server.profiles import get_profile

from .helpers import chat_json

TEXTS = ["yes | no", 'say "so"']
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "a", "schema": {"properties": {"answer": {"enum": TEXTS}}}},
}
FIELDS: list[dict[str, Any]] = [
    {"structured_outputs": {"choice": TEXTS}},
    {"guided_choice": TEXTS},
    {"grammar": 'root ::= "yes | no" | "say \\"so\\""'},
    {"regex": '(yes\\ \\|\\ no|say\\ "so")'},
]


@pytest.mark.parametrize("fields", FIELDS)
def test_texts_are_read_in_every_way(fields: dict[str, Any]) -> None:
    assert allowed_texts(get_profile("default"), fields) == (TEXTS, False)


def test_a_schema_wraps_the_answer() -> None:
    assert allowed_texts(get_profile("openai"), {"response_format": SCHEMA}) == (TEXTS, True)
    assert allowed_texts(get_profile("openai"), {"response_format": {"type": "json_object"}}) is None


@pytest.mark.parametrize("profile", ["transformers"])
def test_a_server_passes_over_what_it_does_not_know(profile: str) -> None:
    assert allowed_texts(get_profile(profile), {"grammar": 'root ::= "a"', "response_format": SCHEMA}) is None


def test_the_answer_is_one_of_the_texts() -> None:
    answer = chat_json("llamacpp", "Hello", grammar='root ::= "zebra" | "quartz"')
    assert answer["choices"][0]["message"]["content"] in ("zebra", "quartz")
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert chat_json("vllm", "Hello", grammar='root ::= "zebra"')["choices"][0]["message"]["content"] != "zebra"
