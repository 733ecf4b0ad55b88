from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lm_eval.errors import Refused
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.tools import read_tools

DEFAULT = PROFILES["default"]


def tool(name: str = "f", **parameters: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": parameters}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def test_calls_are_taken_out_of_the_text() -> None:
    tools = read_tools(DEFAULT, {"tools": [tool()]})
    text = 'Well. <tool_call>\n{"name": "f", "arguments": {"a": "é"}}\n</tool_call><tool_call>f(</tool_call>'
    message, called = tools.applied({"role": "assistant", "content": text}, "0")
    assert called
    assert message["content"] == "Well."
    calls: Any = message["tool_calls"]
    functions = [call["function"] for call in calls]
    assert functions == [{"name": "f", "arguments": '{"a": "é"}'}, {"name": "", "arguments": "f("}]
    plain: dict[str, Any] = {"content": "no call"}
    assert tools.applied(plain, "0") == (plain, False)


def test_without_tools_a_call_is_text() -> None:
    message: dict[str, Any] = {"content": "<tool_call>{}</tool_call>"}
    unused: list[dict[str, Any]] = [{}, {"tools": [tool()], "tool_choice": "none"}]
    for fields in unused:
        assert read_tools(DEFAULT, fields).applied(message, "0") == (message, False)
    assert not read_tools(PROFILES["transformers"], {"tools": "anything"}).functions


@pytest.mark.parametrize(
    ("choice", "name"), [("required", "f"), ({"type": "function", "function": {"name": "g"}}, "g")]
)
def test_a_demanded_call_has_arguments_of_the_right_types(choice: object, name: str) -> None:
    parameters = {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}, "c": {"type": "string"}, "d": {"type": "array"}}
    tools = read_tools(DEFAULT, {"tools": [tool("f", **parameters), tool("g", **parameters)], "tool_choice": choice})
    text = tools.forced_text()
    assert text is not None
    call = json.loads(text.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    assert call == {"name": name, "arguments": {"a": 1, "b": "x", "c": "text", "d": []}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tool_choice": "auto"}, "only allowed when tools are specified"),
        ({"tools": {}, "tool_choice": "required"}, "only allowed when tools are specified"),
        ({"tools": "f"}, "must be a list"),
        ({"tools": [{"name": "f"}]}, "must have type function"),
        ({"tools": [tool("math.gcd")]}, "must match"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "dict"}}}]}, "type object"),
        ({"tools": [tool()], "tool_choice": {"function": {"name": "h"}}}, "is not one of the tools"),
    ],
)
def test_what_chat_apis_refuse_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as caught:
        read_tools(DEFAULT, fields)
    assert message in json.dumps(caught.value.body)


def test_a_server_without_a_parser_refuses_tools() -> None:
    with pytest.raises(Refused) as caught:
        read_tools(replace(DEFAULT, tools="refused"), {"tools": [tool()]})
    assert "--enable-auto-tool-choice" in json.dumps(caught.value.body)
