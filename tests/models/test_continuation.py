"""The start of an answer that a task gives is continued, in the way of each chat endpoint."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import PROFILES, MockServer
from lm_eval.mock_server.profiles import Profile
from tests.fakes import write_tasks

START = "The best answer is "
TASK = f"""
doc_to_text: '{{{{q}}}}'
doc_to_target: '{{{{n}}}}'
gen_prefix: '{START}'
generation_kwargs: {{until: ["."], max_gen_toks: 12}}
metric_list: [{{metric: exact_match}}]
"""
DEEPSEEK = replace(PROFILES["openai"], unknown_fields=200, prefix_field="hidden")
MISTRAL = replace(PROFILES["openai"], unknown_fields=422, prefix_field="required")


def ask(
    tmp_path: Path, profile: str | Profile, model: str = "local-chat-completions", task: str = "started", **more: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run the task; return the results, and the bodies of all requests that hold messages."""
    write_tasks(tmp_path, started=TASK)
    with MockServer(profile=profile, **more) as server:
        results = simple_evaluate(
            model=model,
            model_args={"model": "mock", "base_url": server.base_url},
            tasks=[task],
            include_path=str(tmp_path),
            apply_chat_template=True,
            limit=2,
            progress=False,
        )
        bodies = [dict(request.body or {}) for request in server.requests if request.path.endswith("/completions")]
    return results, [body for body in bodies if "messages" in body]


def found(results: dict[str, Any]) -> object:
    return results["config"]["model_info"].get("gen_prefix")


@pytest.mark.parametrize("profile", ["vllm", "sglang", "default"])
def test_the_fields_of_vllm_are_sent_where_they_have_an_effect(tmp_path: Path, profile: str) -> None:
    results, bodies = ask(tmp_path, profile)
    assert found(results) == {"continued": "continue_final_message"}
    assert all(body["messages"][-1] == {"role": "assistant", "content": START} for body in bodies[-2:])
    assert all((body["continue_final_message"], body["add_generation_prompt"]) == (True, False) for body in bodies[-2:])
    assert "started" not in results.get("notes", {})


def test_a_server_that_returns_the_start_has_it_cut_off(tmp_path: Path) -> None:
    results, bodies = ask(tmp_path, "llamacpp", answers={START: "5. And so on"})
    assert found(results) == {"continued": "by itself", "returned_before_the_rest": True}
    assert [sample["resps"][0][0] for sample in results["samples"]["started"]] == ["5", "5"]
    assert not any("continue_final_message" in body for body in bodies)


def test_a_server_that_continues_and_does_not_show_it_is_known_by_the_text(tmp_path: Path) -> None:
    results, _ = ask(tmp_path, "tgi", answers={"Wednes": "day, Thursday", START: "5."})
    assert found(results) == {"continued": "by itself"}


@pytest.mark.parametrize(
    ("profile", "more"),
    [
        (DEEPSEEK, {}),
        (MISTRAL, {"returned_before_the_rest": True}),
        (replace(MISTRAL, prefix_field="shown"), {"returned_before_the_rest": True}),
    ],
)
def test_the_prefix_field_is_sent_where_it_is_understood(
    tmp_path: Path, profile: Profile, more: dict[str, bool]
) -> None:
    results, bodies = ask(tmp_path, profile, answers={START: "5."})
    assert found(results) == {"continued": "prefix", **more}
    assert all(body["messages"][-1]["prefix"] is True for body in bodies[-2:])
    assert [sample["resps"][0][0] for sample in results["samples"]["started"]] == ["5", "5"]


@pytest.mark.parametrize("profile", ["openai", "transformers", "llamacpp-python"])
def test_an_answer_that_is_not_continued_is_told(
    tmp_path: Path, profile: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    results, bodies = ask(tmp_path, profile, answers={START: f"{START}5."})
    assert found(results) == {"continued": None}
    assert all(set(body["messages"][-1]) == {"role", "content"} for body in bodies[-2:])
    # What the model writes itself is scored as it is.
    assert results["samples"]["started"][0]["resps"][0][0].startswith(START)
    note = "the server does not continue the start of the answer (gen_prefix); the model begins its own"
    assert results["notes"]["started"] == [note]
    lines = [record.getMessage() for record in caplog.records]
    assert sum("does not continue the start of the answer" in line for line in lines) == 1


def test_responses_have_no_such_fields(tmp_path: Path) -> None:
    results, _ = ask(tmp_path, "default", model="local-responses")
    assert found(results) == {"continued": None}


def test_a_run_without_a_start_asks_nothing(tmp_path: Path) -> None:
    results, bodies = ask(tmp_path, "vllm", task="generate")
    assert found(results) is None
    assert not any(body["messages"][-1]["role"] == "assistant" for body in bodies)
