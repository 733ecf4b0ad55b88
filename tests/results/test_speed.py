from __future__ import annotations

import pytest

from lm_eval.results import Results, Speed, Spread
from lm_eval.results.speed import read_speed

SPREAD = {"requests": 3, "mean": 0.5, "p5": 0.1, "p50": 0.4, "p95": 0.9}
TYPED = Spread(3, 0.5, 0.1, 0.4, 0.9)


def test_a_run_and_its_tasks_have_their_times() -> None:
    counters = {"requests": 3, "latency": SPREAD, "tasks": {"a": {"prompt_tokens": 1, "first_token": SPREAD}}}
    run = Results({"config": {"model_info": {"run": counters}}})
    assert run.speed == Speed(latency=TYPED)
    assert run.speed_of("a") == Speed(first_token=TYPED)
    assert not run.speed_of("b")


@pytest.mark.parametrize("value", [None, "***", 5, {}, {**SPREAD, "mean": "fast"}])
def test_what_is_no_spread_is_not_known(value: object) -> None:
    assert read_speed({"latency": value}) == Speed()


def test_words_for_one_line() -> None:
    speed = Speed(latency=TYPED, first_token=Spread(3, 0, 0, 0.04123, 312.4), tokens_per_second=TYPED)
    assert speed.words() == [
        "latency p50 0.4 s, p95 0.9 s",
        "first token p50 0.0412 s, p95 312 s",
        "0.4 tokens/s (p50)",
    ]
    assert Speed().words() == []


def test_a_merged_run_has_means_only() -> None:
    speed = read_speed({"latency": {"requests": 3, "mean": 0.5}, "tokens_per_second": {"requests": 3, "mean": 123.4}})
    assert speed.words() == ["latency mean 0.5 s", "123 tokens/s"]
