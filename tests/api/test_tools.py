from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.api.metrics import tool_calls
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.task_parts.tools import CallCounts, as_tools
from lm_eval.errors import ConfigError, TaskFileError

FUNCTION = {"name": "math.gcd", "parameters": {"type": "dict", "properties": {"type": {"type": "float"}}}}
TOOL = {
    "type": "function",
    "function": {"name": "math_gcd", "parameters": {"type": "object", "properties": {"type": {"type": "number"}}}},
}


@pytest.mark.parametrize(
    "given",
    [
        FUNCTION,
        [FUNCTION],
        json.dumps([FUNCTION]),
        [json.dumps(FUNCTION)],
        [{"type": "function", "function": FUNCTION}],
    ],
)
def test_tools_in_any_form_become_those_of_chat_apis(given: object) -> None:
    assert as_tools(given) == [TOOL]


def test_columns_that_are_null_in_a_row_are_no_part_of_a_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "enum": None, "default": None}, "b": None}}
    (tool,) = as_tools({"name": "f", "parameters": schema})
    assert tool["function"]["parameters"]["properties"] == {"a": {"type": "string", "default": None}}


@pytest.mark.parametrize(("given", "message"), [(7, "int is not a list"), ([{}], "no name"), ("[", "JSON text")])
def test_what_is_no_tool_is_one_line(given: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_tools(given)


ROW = {"q": "Q", "calls": [{"name": "math.gcd", "arguments": {"type": 1}}], "functions": json.dumps([FUNCTION])}


def task(**config: Any) -> ConfigurableTask:
    base = {
        "task": "t",
        "custom_dataset": lambda **_: {"test": [ROW]},
        "test_split": "test",
        "doc_to_text": "{{q}}",
        "doc_to_target": "calls",
        "metric_list": [{"metric": "tool_calls"}],
    }
    return ConfigurableTask(config={**base, **config})


@pytest.mark.parametrize("tools", ["functions", [FUNCTION], json.dumps([FUNCTION]), lambda doc: [FUNCTION]])
def test_the_tools_of_a_document_go_with_its_request(tools: object) -> None:
    made = task(tools=tools)
    (doc,) = made.test_docs()
    request = made.construct_requests(doc, "Q", metadata=("t", 0, 1))
    assert not isinstance(request, list)
    assert request.args[1]["tools"] == [TOOL]
    assert request.args[1]["until"] == []
    answer = {"content": "", "tool_calls": [{"name": "math_gcd", "arguments": {"type": 1.0}}]}
    assert made.process_results(doc, [answer]) == {"tool_calls": 1.0}
    assert made.process_results(doc, ["a text"]) == {"tool_calls": 0.0}
    assert made.process_results(doc, [[answer, "a text"]]) == {"tool_calls": 0.5}
    assert made.scoring_notes() == ["2 of 4 answers that should call a tool have no call, which counts as wrong"]


def test_mistakes_in_a_task_file_are_one_line() -> None:
    with pytest.raises(ConfigError, match=r"neither a column nor a list of tools\. Did you mean 'functions'"):
        made = task(tools="function")
        made.construct_requests(next(iter(made.test_docs())), "Q")
    with pytest.raises(ConfigError, match="tools need output_type generate_until"):
        task(tools="functions", output_type="loglikelihood")
    with pytest.raises(ConfigError, match="few-shot examples cannot show tool calls"):
        made = task(
            tools="functions", fewshot_split="test", custom_dataset=lambda **_: {"test": [ROW, {**ROW, "q": "R"}]}
        )
        made.fewshot_context(next(iter(made.test_docs())), 1)
    with pytest.raises(TaskFileError, match="unknown option 'order'"):
        task(tools="functions", metric_list=[{"metric": "tool_calls", "order": True}])
    with pytest.raises(ConfigError, match="is a list of calls with name and arguments"):
        tool_calls([{"f": 1}], [{"tool_calls": []}])


def called(*names: str) -> dict[str, Any]:
    return {"content": "", "tool_calls": [{"name": name, "arguments": {}} for name in names]}


BROKEN = {"content": "", "tool_calls": [{"name": "f", "arguments": "{"}]}


@pytest.mark.parametrize(
    ("gold", "response", "options", "value"),
    [
        ([], "text", {}, 1.0),
        ([], called("f"), {}, 0.0),
        ([], BROKEN, {}, 1.0),
        ("[]", called(), {}, 1.0),
        ("any", called("f"), {}, 1.0),
        ("any", called(), {}, 0.0),
        ("any", BROKEN, {}, 0.0),
        ([{"name": "f"}], called("f", "f"), {}, 0.0),
        ([{"name": "f"}], {"tool_calls": [*called("f")["tool_calls"], *BROKEN["tool_calls"]]}, {}, 0.0),
        ('[{"name": "a.b"}, {"name": "c"}]', called("c", "a_b"), {}, 1.0),
        ([{"name": "a"}, {"name": "c"}], called("c", "a"), {"ordered": True}, 0.0),
    ],
)
def test_the_metric(gold: object, response: object, options: dict[str, Any], value: float) -> None:
    assert tool_calls([gold], [response], **options) == value


def test_answers_are_counted_only_where_a_call_is_wanted() -> None:
    counts = CallCounts()
    for response, gold in [("text", []), (called("f"), [{"name": "f"}])]:
        counts.add(response, gold)
    assert counts.notes() == []
    counts.add(BROKEN, "any")
    assert counts.notes() == [
        "1 of 2 answers that should call a tool have a call that cannot be parsed, which counts as wrong"
    ]
