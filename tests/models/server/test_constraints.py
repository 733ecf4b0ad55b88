"""Constrained answers: the mechanism that each server follows, and what is done where there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lm_eval.errors import CapabilityError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.models.server.constraints import MECHANISMS, constraint_fields
from tests.e2e.conftest import TASKS

ANSWERS = ["The best answer is A", 'a "quoted" (text) | b']
NAME = "demo_choices@generate+constrained"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("structured_outputs", {"structured_outputs": {"choice": ANSWERS}}),
        ("guided_choice", {"guided_choice": ANSWERS}),
        ("grammar", {"grammar": 'root ::= "The best answer is A" | "a \\"quoted\\" (text) | b"'}),
        (
            "regex_format",
            {
                "response_format": {
                    "type": "regex",
                    "value": '(The\\ best\\ answer\\ is\\ A|a\\ "quoted"\\ \\(text\\)\\ \\|\\ b)',
                }
            },
        ),
        ("regex", {"regex": '(The\\ best\\ answer\\ is\\ A|a\\ "quoted"\\ \\(text\\)\\ \\|\\ b)'}),
    ],
)
def test_fields(name: str, fields: Mapping[str, object]) -> None:
    assert constraint_fields(name, ANSWERS) == fields


def test_the_schema_allows_one_field_with_the_answers() -> None:
    given: Any = constraint_fields("json_schema", ANSWERS)["response_format"]
    schema = given["json_schema"]["schema"]
    assert (given["type"], given["json_schema"]["strict"]) == ("json_schema", True)
    assert (schema["properties"]["answer"]["enum"], schema["required"]) == (ANSWERS, ["answer"])


def test_every_mechanism_is_tried() -> None:
    assert list(MECHANISMS) == [
        *("structured_outputs", "guided_choice", "grammar", "regex", "regex_format", "json_schema")
    ]


def ask(profile: str, model: str = "local-chat-completions", task: str = NAME, **options: Any) -> dict[str, Any]:
    arguments = options.pop("model_args", {})
    with MockServer(profile=profile, **options) as server:
        return simple_evaluate(
            model=model,
            model_args={"model": "mock", "base_url": server.base_url, **arguments},
            tasks=[task],
            include_path=TASKS,
            limit=4,
            progress=False,
        )


@pytest.mark.parametrize("model", ["local-chat-completions", "local-completions"])
@pytest.mark.parametrize(
    ("profile", "mechanism"),
    [
        ("vllm", "structured_outputs"),
        ("llamacpp", "grammar"),
        ("llamacpp-python", "grammar"),
        ("sglang", "regex"),
        ("openai", "json_schema"),
    ],
)
def test_each_server_is_asked_in_its_way(profile: str, mechanism: str, model: str) -> None:
    results = ask(profile, model)
    assert results["config"]["model_info"]["constrained_by"] == mechanism
    for sample in results["samples"][NAME]:
        text = sample["resps"][0][0]
        if mechanism == "json_schema":
            text = json.loads(text)["answer"]
        assert text.startswith("The best answer is ")
        assert sample["filtered_resps"] == [text.removeprefix("The best answer is ")]
    assert NAME not in results.get("notes", {})


def test_the_chat_of_tgi_follows_a_regular_expression_and_its_completions_none() -> None:
    assert ask("tgi")["config"]["model_info"]["constrained_by"] == "regex_format"
    with pytest.raises(CapabilityError, match="does not constrain answers"):
        ask("tgi", "local-completions")


def test_free_answers_of_the_same_server_are_not_constrained() -> None:
    results = ask("llamacpp", task="demo_choices@generate")
    assert "constrained_by" not in results["config"]["model_info"]
    texts = [sample["resps"][0][0] for sample in results["samples"]["demo_choices@generate"]]
    assert not all(text.startswith("The best answer is ") for text in texts)


@pytest.mark.parametrize("profile", ["transformers"])
def test_a_server_without_a_mechanism_is_refused_with_the_free_format(profile: str) -> None:
    with pytest.raises(CapabilityError, match=r"does not constrain answers.*--tasks demo_choices@generate$"):
        ask(profile)


def test_a_model_that_thinks_is_refused() -> None:
    with pytest.raises(CapabilityError, match=r"thinks before it answers.*--tasks demo_choices@generate$"):
        ask("vllm", reasoning="Let me see.")
    with pytest.raises(CapabilityError, match="thinks before it answers"):
        ask("llamacpp", model_args={"think_end_token": "</think>"})
