"""A streamed run gives the same results and samples as a whole one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.results import load
from tests.e2e.conftest import TASKS

VARYING = ("config", "configs", "date", "total_evaluation_time_seconds")


def run(folder: Path, model: str, *, stream: bool, **server: Any) -> dict[str, Any]:
    """Save a run, and return what its results say of the requests."""
    chat = model != "local-completions"
    with MockServer(**server, prefix_cache_blocks=0) as mock:
        results = simple_evaluate(
            model,
            {"model": "mock", "base_url": mock.base_url, "stream": stream, "max_retries": 6},
            ["demo_numbers"] if chat else ["demo_numbers", "demo_choices", "demo_prose"],
            include_path=TASKS,
            limit=5,
            bootstrap_iters=10,
            apply_chat_template=chat,
            output_path=folder,
            progress=False,
        )
    described: dict[str, Any] = results["config"]["model_info"]["run"]
    return described


def saved(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    found = load(folder)
    results = {name: value for name, value in found.results.items() if name not in VARYING}
    return results, {task: file.read_text(encoding="utf-8") for task, file in found.sample_files.items()}


@pytest.mark.parametrize(
    ("model", "server"),
    [
        ("local-completions", {"profile": "vllm"}),
        ("local-completions", {"profile": "llamacpp"}),
        ("local-chat-completions", {"profile": "openai"}),
        ("local-chat-completions", {"profile": "vllm", "reasoning": "Let me add."}),
        ("local-responses", {"profile": "default", "reasoning": "Let me add."}),
    ],
)
def test_streamed_and_whole_answers_score_the_same(tmp_path: Path, model: str, server: dict[str, Any]) -> None:
    whole = run(tmp_path / "whole", model, stream=False, **server)
    streamed = run(tmp_path / "streamed", model, stream=True, **server)
    assert saved(tmp_path / "whole") == saved(tmp_path / "streamed")
    assert (whole["completion_tokens"], whole["prompt_tokens"]) == (
        streamed["completion_tokens"],
        streamed["prompt_tokens"],
    )
    assert "first_token" not in whole
    assert streamed["tasks"]["demo_numbers"]["first_token"]["requests"] == 5
    assert streamed["tasks"]["demo_numbers"]["latency"]["requests"] == 5
    from_file = load(tmp_path / "streamed").speed
    assert from_file.first_token is not None
    assert from_file.first_token.p95 == streamed["first_token"]["p95"]


def test_faults_do_not_change_a_streamed_run(tmp_path: Path) -> None:
    faults = ["truncated:0.15", "stream-error:0.15"]
    run(tmp_path / "whole", "local-chat-completions", stream=False)
    faulty = run(tmp_path / "streamed", "local-chat-completions", stream=True, faults=faults)
    assert saved(tmp_path / "whole") == saved(tmp_path / "streamed")
    assert faulty["retries"] > 0
