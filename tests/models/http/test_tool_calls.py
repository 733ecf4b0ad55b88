from __future__ import annotations

from typing import Any

import pytest

from lm_eval.models.http.tool_calls import answer_with_calls, has_calls


def choice(**message: Any) -> dict[str, Any]:
    return {"message": {"role": "assistant", **message}}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ('{"a": ', '{"a": '),
        ("[1]", "[1]"),
        (7, "7"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_arguments_are_parsed_or_stay_as_they_are(given: object, read: object) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": given}}
    answer = answer_with_calls(choice(content=None, tool_calls=[call]), "text")
    assert answer == {"content": "text", "tool_calls": [{"name": "f", "arguments": read}]}


def test_calls_in_other_forms() -> None:
    old = choice(content=None, function_call={"name": "f", "arguments": "{}"})
    assert answer_with_calls(old, "")["tool_calls"] == [{"name": "f", "arguments": {}}]
    flat = choice(tool_calls=[{"name": "f", "arguments": {"a": 1}}, "f(1)", {"function": {"name": None}}])
    assert answer_with_calls(flat, "")["tool_calls"] == [
        {"name": "f", "arguments": {"a": 1}},
        {"name": "", "arguments": '"f(1)"'},
        {"name": "", "arguments": {}},
    ]


@pytest.mark.parametrize("made", [choice(content="x"), choice(tool_calls=[]), choice(tool_calls=None), {"text": "x"}])
def test_a_choice_without_calls(made: dict[str, Any]) -> None:
    assert not has_calls(made)
    assert answer_with_calls(made, "x") == {"content": "x", "tool_calls": []}
