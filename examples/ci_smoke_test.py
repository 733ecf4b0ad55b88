"""A smoke test of your own tasks, for CI: no model, no GPU, no network.

    pytest examples/ci_smoke_test.py

The fixture ``mock_server`` comes with ``lm_eval``. It starts an OpenAI-compatible server with a small language model,
whose log-probabilities are exact and the same for the same text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate

TASKS = Path(__file__).parent / "custom_task"


def run(base_url: str, task: str, **options: Any) -> dict[str, Any]:
    """Evaluate one task with the model of the mock server."""
    return simple_evaluate(
        model="local-completions",
        model_args={"model": "mock", "base_url": base_url},
        tasks=[task],
        include_path=TASKS,
        **options,
    )


def test_the_task_runs_on_all_its_docs(mock_server: Any) -> None:
    """Every document is asked and scored."""
    results = run(mock_server().base_url, "capitals")
    assert results["n-samples"]["capitals"] == {"original": 10, "effective": 10}


def test_a_right_answer_scores_one(mock_server: Any) -> None:
    """The prompt, the stop sequence, the filter and the metric work together."""
    server = mock_server(answers={"capital of Peru?\nAnswer:": " Lima, on the coast.\nQuestion:"})
    results = run(server.base_url, "capitals_generate", samples={"capitals_generate": [6]}, num_fewshot=0)
    assert results["results"]["capitals_generate"]["exact_match,first_word"] == 1.0


def test_the_prompt_is_the_one_you_mean(mock_server: Any) -> None:
    """A change of the prompt shows up here, before it changes the scores."""
    results = run(mock_server().base_url, "capitals_generate", limit=1, num_fewshot=0)
    prompt = results["samples"]["capitals_generate"][0]["arguments"][0][0]
    assert prompt == "Question: What is the capital of Spain?\nAnswer:"
