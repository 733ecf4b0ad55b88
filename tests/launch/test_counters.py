from __future__ import annotations

from lm_eval.launch.counters import summed


def test_counts_add_up_and_times_keep_their_mean() -> None:
    def part(requests: int, mean: float) -> dict[str, object]:
        times = {"requests": requests, "mean": mean, "p5": mean, "p50": mean, "p95": mean}
        return {"run": {"requests": requests, "latency": times, "tasks": {"t": {"prompt_tokens": 5, "latency": times}}}}

    run = summed([part(1, 4.0), part(3, 2.0)])["run"]
    assert run["requests"] == 4
    assert run["latency"] == run["tasks"]["t"]["latency"] == {"requests": 4, "mean": 2.5}
    assert run["tasks"]["t"]["prompt_tokens"] == 10
