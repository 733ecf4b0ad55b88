"""Tasks with tools: their files, read offline, and a run on the mock server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.errors import DatasetError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.tasks.bfcl import languages, utils

FUNCTION = {
    "name": "math.area",
    "description": "Area.",
    "parameters": {
        "type": "dict",
        "properties": {"base": {"type": "integer"}, "unit": {"type": "string"}},
        "required": ["base"],
    },
}


def question(number: int, *messages: dict[str, str]) -> dict[str, Any]:
    return {"id": f"q_{number}", "question": [list(messages)], "function": [FUNCTION]}


QUESTIONS = [
    question(0, {"role": "user", "content": "First?"}),
    question(1, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Second?"}),
    question(2, {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"}),
]
ANSWERS = [
    {"id": "q_1", "ground_truth": [{"math.area": {"base": [10], "unit": ["units", ""]}}]},
    {"id": "q_0", "ground_truth": [{"math.area": {"base": [7], "unit": [""]}}]},
    {"id": "q_2", "ground_truth": [{"math.area": {"base": [1]}}]},
]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Serve the lines of both files, and collect which were asked for."""
    import datasets

    asked: list[dict[str, str]] = []

    def load_dataset(path: str, name: object = None, *, data_files: dict[str, str], **_: object) -> Any:
        assert path == "text"
        asked.append(data_files)
        rows = {"questions": QUESTIONS, "answers": ANSWERS}
        return {split: [{"text": json.dumps(row)} for row in rows[split]] for split in data_files}

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def test_questions_are_joined_with_their_answers(files: list[dict[str, str]]) -> None:
    docs = utils.load("live_simple")["test"]
    assert [doc["calls"] for doc in docs] == [
        ANSWERS[1]["ground_truth"],
        *(ANSWERS[at]["ground_truth"] for at in (0, 2)),
    ]
    assert [(doc["system"], doc["question"]) for doc in docs] == [
        ("", "First?"),
        ("Be brief.", "Second?"),
        ("", "User: Hi.\n\nAssistant: Yes?"),
    ]
    assert [doc["calls"] for doc in utils.load("irrelevance", calls="none")["test"]] == [[], [], []]
    assert utils.load("live_relevance", calls="any")["test"][0]["calls"] == "any"
    start = "hf://datasets/gorilla-llm/Berkeley-Function-Calling-Leaderboard"
    assert files == [
        {
            "questions": f"{start}/BFCL_v3_live_simple.json",
            "answers": f"{start}/possible_answer/BFCL_v3_live_simple.json",
        },
        {"questions": f"{start}/BFCL_v3_irrelevance.json"},
        {"questions": f"{start}/BFCL_v3_live_relevance.json"},
    ]


def test_a_question_without_an_answer_is_one_line(files: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.tasks.library.test_helpers_tools.ANSWERS", ANSWERS[:2])
    with pytest.raises(DatasetError, match="bfcl_simple: question q_2 has no accepted calls"):
        utils.load("simple")


def test_a_run_sends_system_messages_and_functions(files: list[dict[str, str]]) -> None:
    right = '<tool_call>{"name": "math_area", "arguments": {"base": 10, "unit": "Units"}}</tool_call>'
    with MockServer(answers={"Second?": right, "First?": right, "Hi.": "No."}) as server:
        results = simple_evaluate(
            "local-chat-completions",
            {"base_url": server.base_url, "model": "mock", "num_concurrent": 1},
            tasks=["bfcl_live_simple", "bfcl_live_irrelevance"],
            apply_chat_template=True,
            bootstrap_iters=0,
        )
        bodies: list[Any] = [record.body for record in server.requests if "Second?" in str(record.body)]
    assert bodies[0]["messages"] == QUESTIONS[1]["question"][0]
    assert bodies[0]["tools"][0]["function"]["name"] == "math_area"
    assert results["results"]["bfcl_live_simple"]["tool_calls,none"] == pytest.approx(1 / 3)
    assert results["results"]["bfcl_live_irrelevance"]["tool_calls,none"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("-12", "short", None, -12),
        ("12", "long", None, "12"),
        ("12L", "long", None, 12),
        ("3e2f", "float", None, 300.0),
        ("3.5", "float", None, "3.5"),
        ("3.5", "double", None, 3.5),
        ("true", "boolean", None, True),
        ("yes", "boolean", None, "yes"),
        ("'a'", "char", None, "'a'"),
        ("12", "any", None, "12"),
        ("new int[] { 1, 2 }", "Array", "integer", [1, 2]),
        ('new String[]{"a"}', "Array", "String", ['"a"']),
        ("values", "Array", "integer", "values"),
        ('new ArrayList<String>(Arrays.asList("a", "b"))', "ArrayList", "String", ["a", "b"]),
        ("new ArrayList<>() {{ add(1); add(2); }}", "ArrayList", "integer", [1, 2]),
        ("new ArrayList<>()", "ArrayList", "integer", []),
        ('new HashMap<String, Object>() {{ put("a", 1); put("b", "c"); }}', "HashMap", None, {"a": 1, "b": "c"}),
        ("new HashMap<>()", "HashMap", None, {}),
        ("new HashSet<>()", "Set", None, "new HashSet<>()"),
    ],
)
def test_java_is_read(text: str, kind: str, inner: str | None, value: object) -> None:
    assert languages.value_of(text, {"type": kind, "items": {"type": inner}}, "java") == value


@pytest.mark.parametrize(
    ("text", "kind", "inner", "value"),
    [
        ("'a'", "String", None, "a"),
        ("a", "String", None, "a"),
        ("12", "integer", None, 12),
        ("1e2", "float", None, "1e2"),
        ("2.5", "float", None, 2.5),
        ("12n", "Bigint", None, 12),
        ("false", "Boolean", None, False),
        ("'a'", "any", None, "'a'"),
        ("[1, 2]", "array", "integer", [1, 2]),
        ("new Array('a', 'b')", "array", "String", ["a", "b"]),
        ("[]", "array", "String", []),
        (" [ [1, 2], [3, 'a']]", "array", "array", [[1, 2], [3, "a"]]),
        ("new Array([1], [2])", "array", "array", [[1], [2]]),
        ("[{'a': 1}, {'a': 2}]", "array", "dict", [{"a": 1}, {"a": 2}]),
        ("{}", "dict", None, {}),
        ("{'a': [1, 'b'], c: name, d: {}}", "dict", None, {"a": [1, "b"], "c": "name", "d": "{"}),
        ("values", "dict", None, "values"),
    ],
)
def test_javascript_is_read(text: str, kind: str, inner: str | None, value: object) -> None:
    assert languages.value_of(text, {"type": kind, "items": {"type": inner}}, "javascript") == value


JAVA = {
    "name": "list.sum",
    "description": "Sum.",
    "parameters": {
        "type": "dict",
        "properties": {
            "values": {"type": "ArrayList", "description": "Values.", "items": {"type": "integer"}},
            "from": {"type": "any", "description": "Start."},
        },
        "required": ["values"],
    },
}


def test_a_function_in_java_takes_texts() -> None:
    written = languages.described(JAVA, "java")
    assert written["description"] == "Sum. Note that the provided function is in Java 8 SDK syntax."
    assert written["parameters"]["properties"] == {
        "values": {
            "type": "string",
            "description": "Values. This is Java ArrayList type parameter in string representation. "
            "The list elements are of type integer; they are not in string representation.",
        },
        "from": {
            "type": "string",
            "description": "Start. This parameter can be of any type of Java object in string representation.",
        },
    }
    assert JAVA["parameters"]["properties"]["values"]["type"] == "ArrayList"  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"values": "new ArrayList<Integer>(Arrays.asList(1, 2))"}, 1.0),
        ({"values": "new ArrayList<Integer>(Arrays.asList(1, 2))", "from": "0"}, 1.0),
        ({"values": "new ArrayList<Integer>(Arrays.asList(2, 1))"}, 0.0),
        ({"values": [1, 2]}, 0.0),
        ({"values": "[1, 2]"}, 0.0),
        ({"from": "0"}, 0.0),
        ({"values": "new ArrayList<Integer>(Arrays.asList(1, 2))", "other": "1"}, 0.0),
        ("values", 0.0),
    ],
)
def test_calls_in_java_are_compared_by_value(arguments: object, right: float) -> None:
    doc = {"language": "java", "typed": [JAVA], "calls": [{"list.sum": {"values": [[1, 2]], "from": ["0", ""]}}]}
    response = {"content": "", "tool_calls": [{"name": "list_sum", "arguments": arguments}]}
    assert utils.process_results(doc, [response]) == {"tool_calls": right}
    assert utils.process_results(doc, ["list_sum([1, 2])"]) == {"tool_calls": 0.0}
