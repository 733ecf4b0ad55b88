"""The cost of a run is counted in the results, and can be limited without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.mock_server import MockServer
from tests.e2e.conftest import Command, run_words

COUNTS = ("prompt_tokens", "completion_tokens", "cached_prompt_tokens", "reasoning_tokens")


def saved(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "mock").glob("results_*.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_a_spent_budget_exits_with_4_and_a_larger_one_resumes(command: Command, tmp_path: Path) -> None:
    with MockServer(latency_ms=10) as server:
        words = run_words(server.base_url, "--tasks", "demo_choices,demo_numbers")
        words += ["--model_args", "num_concurrent=2,price_in=1e6,price_out=1e6"]
        ran = command(*words, "--output_path", "out", "--model_args", "max_cost=700")
        assert ran.code == 4, ran.err
        assert "max_cost=700 is reached" in ran.err
        assert "with a larger budget resumes" in ran.err
        assert not list((tmp_path / "out").glob("mock/results_*"))
        paid_for = server.stats.asked
        ran = command(*words, "--output_path", "out", "--model_args", "max_cost=7000")
        assert ran.code == 0, ran.err
        resumed = saved(tmp_path / "out")
        kept = resumed["config"]["model_info"]["run"]["resumed_with_answers"]
        # Not stored: the probe of the server, and requests in flight when the budget was spent.
        assert paid_for - 8 <= kept <= paid_for
        assert command(*words, "--output_path", "whole").code == 0
    assert resumed["results"] == saved(tmp_path / "whole")["results"]


@pytest.mark.parametrize("more", [(), ("--distribute", "local:2")], ids=["alone", "distributed"])
def test_a_budget_holds_for_a_run_however_often_it_is_resumed(command: Command, more: tuple[str, ...]) -> None:
    with MockServer(latency_ms=10) as server:
        words = run_words(server.base_url, "--tasks", "demo_choices,demo_numbers", "--output_path", "out", *more)
        words += ["--model_args", "num_concurrent=1,price_in=1e6,price_out=1e6,max_cost=700"]
        assert command(*words).code == 4
        paid, asked = cost(server), server.stats.asked
        for _ in range(2):
            ran = command(*words)
            assert ran.code == 4, ran.err
            assert "tokens of the answers that were there" in ran.err
        # Each start probes the server.
        assert 700 <= paid < 1100
        assert server.stats.asked - asked < 2 * 12
        assert cost(server) - paid < 400


def cost(server: MockServer) -> int:
    return server.stats.prompt_tokens + server.stats.completion_tokens


def test_the_answer_that_spends_a_budget_is_kept(command: Command, tmp_path: Path) -> None:
    with MockServer() as server:
        words = run_words(server.base_url, "--tasks", "demo_numbers", "--limit", "1", "--output_path", "out")
        assert command(*words, "--model_args", "max_tokens_total=85").code == 4
        asked = server.stats.asked
        ran = command(*words, "--model_args", "max_tokens_total=85")
        assert ran.code == 0, ran.err  # nothing is left to ask
    assert saved(tmp_path / "out")["config"]["model_info"]["run"]["resumed_with_answers"] == 1
    assert asked


def test_the_probe_is_counted_once_for_all_shards(command: Command, tmp_path: Path) -> None:
    with MockServer() as server:
        words = run_words(server.base_url, "--tasks", "demo_choices,demo_numbers", "--output_path", "out")
        ran = command(*words, "--distribute", "local:2", "--shards", "3")
        assert ran.code == 0, ran.err
        stats = server.stats
        run = saved(tmp_path / "out")["config"]["model_info"]["run"]
        assert [endpoint["requests"] for endpoint in run["endpoints"]] == [stats.total]
        assert run["prompt_tokens"] == stats.prompt_tokens
        assert run["completion_tokens"] == stats.completion_tokens


def test_the_results_have_the_usage_of_each_endpoint_and_task(command: Command, tmp_path: Path) -> None:
    with MockServer() as one, MockServer() as two:
        urls = f"{one.base_url};{two.base_url}"
        words = run_words(urls, "--tasks", "demo_choices,demo_numbers", "--output_path", "out")
        ran = command(*words, "--model_args", "price_in=2,price_out=10")
        assert ran.code == 0, ran.err
        stats = [server.stats for server in (one, two)]
        asked = [server.total for server in stats]
    run = saved(tmp_path / "out")["config"]["model_info"]["run"]
    assert [endpoint["requests"] for endpoint in run["endpoints"]] == asked
    assert min(asked) > 0
    assert run["prompt_tokens"] == sum(server.prompt_tokens for server in stats)
    assert run["completion_tokens"] == sum(server.completion_tokens for server in stats)
    assert run["cached_prompt_tokens"] == sum(server.cached_tokens for server in stats)
    assert run["cost"] == pytest.approx((run["prompt_tokens"] * 2 + run["completion_tokens"] * 10) / 1e6)
    assert set(run["tasks"]) == {"demo_choices", "demo_numbers"}
    together = {name: sum(task[name] for task in run["tasks"].values()) for name in COUNTS}
    # Requests that belong to no task are the probe of the server, and the first request: it asks "Hello" with the
    # settings of the run, so that it generates up to the 16 tokens of demo_numbers. A stop string ends its answer, so
    # it is asked once more without, to see whether the model thinks.
    assert 0 <= run["prompt_tokens"] - together["prompt_tokens"] < 200
    assert 0 <= run["completion_tokens"] - together["completion_tokens"] < 10 + 2 * 16
    assert together["cached_prompt_tokens"] > 0
