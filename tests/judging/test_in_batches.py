"""A judged run in batches: one batch of the model, then one of the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import BatchesPending
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.models.batches import courier
from tests.judging.test_run import CAPITALS, SCORER, TASK, capital, honest

Run = Callable[..., dict[str, Any]]


def answer(prompt: str) -> str | None:
    if "GRADE" in prompt:
        return honest(prompt)
    return capital(prompt) if "capital of" in prompt else None


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(courier, "_FIRST_POLL", 0.005)
    rows = [{"question": f"The capital of {land}?", "target": city} for land, city in CAPITALS.items()]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {**TASK, "dataset_kwargs": {"data_files": str(data)}, "scorer": SCORER}

    def call(server: MockServer, **options: Any) -> dict[str, Any]:
        arguments = f"model=mock,base_url={server.base_url}"
        judge = {"judge_model": "local-chat-completions", "judge_model_args": arguments}
        given = {"output_path": str(tmp_path / "out"), "batch": "openai", **judge, **options}
        return simple_evaluate("local-completions", arguments, tasks=[task], bootstrap_iters=0, **given)

    return call


def test_the_judge_asks_once_about_all_documents(run: Run) -> None:
    with MockServer(answers=answer) as server:
        results = run(server)
        assert results["results"]["capitals"]["judge_score,none"] == 1.0
        posts = [record.path for record in server.requests if record.method == "POST" and record.headers]
        assert posts.count("/v1/batches") == 2
        assert server.stats.paid_lines == 2 * len(CAPITALS)


def test_a_judged_run_can_be_left_and_collected(run: Run) -> None:
    with MockServer(answers=answer, batch_ms=60_000) as server:
        with pytest.raises(BatchesPending):
            run(server, batch_wait=0)
        server.batch_ms = 0
        while server.stats.paid_lines < len(CAPITALS):
            pass
        server.batch_ms = 60_000
        with pytest.raises(BatchesPending):  # that of the judge
            run(server, batch_wait=0)
        server.batch_ms = 0
        assert run(server)["results"]["capitals"]["judge_score,none"] == 1.0
        assert server.stats.paid_lines == 2 * len(CAPITALS)
