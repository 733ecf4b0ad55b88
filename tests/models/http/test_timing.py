from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.models.http.timing import Arrivals, Speed, Timing, Timings


def test_a_whole_answer_has_only_its_end() -> None:
    assert Timing.of(1.0, 3.0, None, 5) == Timing(2.0)
    assert Timing.of(1.0, 3.0, Arrivals(), 5) == Timing(2.0)


def test_tokens_after_the_first_count_for_the_rate() -> None:
    arrivals = Arrivals()
    for now in (2.0, 3.0, 4.0):
        arrivals.note(now)
    assert Timing.of(1.0, 4.5, arrivals, 5) == Timing(3.5, first_token=1.0, tokens_per_second=2.0)


@pytest.mark.parametrize(
    ("arrivals", "tokens"), [(Arrivals(2.0, 2.0), 5), (Arrivals(2.0, 3.0), 0), (Arrivals(2.0, 3.0), 1)]
)
def test_one_piece_or_no_counts_have_no_rate(arrivals: Arrivals, tokens: int) -> None:
    assert Timing.of(1.0, 4.0, arrivals, tokens).tokens_per_second is None


@given(st.lists(st.floats(0, 1000, width=32), min_size=1))
def test_percentiles_are_those_of_numpy(values: list[float]) -> None:
    speed = Speed()
    for value in values:
        speed.add(Timing(value))
    found = speed.describe()["latency"]
    expected = np.percentile(np.array(values, dtype=np.float32).astype(np.float64), [5, 50, 95])
    assert [found["p5"], found["p50"], found["p95"]] == pytest.approx(expected, abs=1e-4)
    assert found["requests"] == len(values)


def test_retried_requests_are_told_apart() -> None:
    timings = Timings()
    timings.add(Timing(1.0, 0.5), {"a", "b"})
    timings.add(Timing(9.0, 8.0, retried=True), {"a"})
    assert timings.run.describe()["latency"]["requests"] == 1
    assert timings.run.describe()["first_token"]["p95"] == 0.5
    assert timings.tasks["a"].describe()["latency_of_retried"]["p50"] == 9.0
    assert "latency_of_retried" not in timings.tasks["b"].describe()


def test_nothing_asked_has_no_times() -> None:
    assert Timings().run.describe() == {}
