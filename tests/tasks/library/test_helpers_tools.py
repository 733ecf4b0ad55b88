"""Tasks with tools: their files, read offline, and a run on the mock server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.errors import DatasetError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.tasks.bfcl import utils

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
