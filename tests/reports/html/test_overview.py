from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lm_eval.reports.html.overview import overview
from lm_eval.results import Run

SECRET = "sk-abcdef0123456789"


def run(rows: dict[str, Any] | None = None, **results: Any) -> Run:
    content = {"results": {"t": {}} if rows is None else rows, "configs": {"t": {}, "u": {}}, **results}
    return Run(Path("results.json"), content, {})


def warnings(rows: dict[str, Any] | None = None, **results: Any) -> list[str]:
    return [warning["text"] for warning in overview(run(rows, **results))["warnings"]]


def test_secrets_are_masked() -> None:
    config = {
        "model_args": {"api_key": SECRET, "base_url": f"http://me:{SECRET}@host/v1"},
        "gen_kwargs": {"token": SECRET},
        "model_info": {"endpoints": [f"http://host/v1?key={SECRET}"], "header": {"X-Key": SECRET}},
    }
    configs = {"t": {"metadata": {"api_key": SECRET}}}
    assert SECRET not in json.dumps(overview(run(config=config, configs=configs)))


def test_lost_docs_come_first() -> None:
    rows = {
        "t": {"n_errors": 2, "errors": {"timeout": 2}, "outcomes": {"length": 1}},
        "u": {"n_errors": 1, "errors": {"timeout": 1}},
    }
    assert warnings(rows, config={"limit": 5}) == [
        "3 documents lost (3 timeout); scores are over the others.",
        "1 answer cut at the token limit.",
        "Only the first 5 documents of each task: for trying out, not for reporting.",
    ]


def test_refused_tasks_and_failed_metrics_are_shown() -> None:
    rows = {"t": {"failed": {"f1,none": "two classes are needed"}}}
    assert warnings(rows, refused={"u": "No logprobs."}) == [
        "t: f1,none could not be computed: two classes are needed",
        "Not run: u. No logprobs.",
    ]


def test_a_server_that_cuts_prompts_is_a_warning() -> None:
    config = {"model_info": {"run": {"cut_prompts": "The server seems to cut long prompts."}}}
    assert warnings(config=config) == ["The server seems to cut long prompts."]


def test_a_calm_run_has_no_warnings() -> None:
    assert warnings() == []


def test_figures_are_only_numbers() -> None:
    spent: dict[str, Any] = {
        "requests": 7,
        "cost": None,
        "concurrency": {"mode": "auto"},
        "prompt_tokens": 90,
        "tasks": {"t": {}},
        "latency": {"requests": 7, "mean": 1, "p5": 0.5, "p50": 1, "p95": 2},
    }
    config = {"model_info": {"run": spent}}
    figures = overview(run(config=config, total_evaluation_time_seconds="12.5"))["figures"]
    assert figures["requests"] == 7
    assert figures["tasks"] == 1
    assert figures["seconds"] == 12.5
    assert (figures["latency_p50"], figures["latency_p95"]) == (1, 2)
    assert "first_token_p50" not in figures
    assert "cost" not in figures and "concurrency" not in figures
