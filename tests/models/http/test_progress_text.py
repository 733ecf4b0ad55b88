from __future__ import annotations

from dataclasses import replace

import pytest

from lm_eval.models.http.progress_text import Snapshot, line, summary

NOW = Snapshot(
    done=1234,
    total=3200,
    errors=2,
    seconds=83.4,
    rate=12.34,
    prompt_rate=1234.5,
    completion_rate=340.0,
    left=160.2,
    in_flight=31,
    concurrency=64,
    retries=5,
    prompt_tokens=1_230_000,
    completion_tokens=34_000,
    kept=7,
    cost=0.1234,
    budgets={"cost": (0.1234, 5.0)},
)


def test_a_line_says_it_all() -> None:
    assert line(NOW) == (
        "Requests 1234/3200 38%  1:23, 2:40 left  12.3/s  1.2k in 340 out tok/s  31/64 in flight  5 retries  2 errors"
        "  cost 0.12 of 5.00"
    )


def test_a_usual_line_fits_a_terminal_of_100_columns() -> None:
    usual = replace(NOW, errors=0, retries=0, cost=None, budgets={})
    assert len(line(usual)) <= 90


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (100, "Requests 1234/3200 38%  1:23, 2:40 left  12.3/s  1.2k in 340 out tok/s  5 retries  2 errors"),
        (80, "Requests 1234/3200 38%  1:23, 2:40 left  12.3/s  5 retries  2 errors"),
        (55, "Requests 1234/3200 38%  1:23, 2:40 left  2 errors"),
        (12, "Requests 123"),
    ],
)
def test_what_matters_least_goes_first(columns: int, expected: str) -> None:
    assert line(replace(NOW, cost=None, budgets={}), columns) == expected


def test_errors_stay_longer_than_speed() -> None:
    assert "2 errors" in line(NOW, 60)


def test_nothing_is_told_that_is_not_known() -> None:
    assert line(Snapshot(done=0, total=10)) == "Requests 0/10 0%  0:00"


def test_cost_is_told_without_a_bound() -> None:
    assert line(Snapshot(done=1, total=10, cost=0.5)).endswith("cost 0.5")


def test_bounds_are_told_in_their_units() -> None:
    budgets = {"tokens": (1.2e6, 5e6), "time": (83.0, 3723.0)}
    assert line(Snapshot(done=1, total=10, budgets=budgets)).endswith("tokens 1.2M of 5.0M  time 1:23 of 1:02:03")


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0"), (940, "940"), (1234, "1.2k"), (34_000, "34k"), (5.6e6, "5.6M"), (2e9, "2.0G")]
)
def test_counts_are_short(count: float, expected: str) -> None:
    assert f" {expected} prompt" in summary(Snapshot(done=1, total=1, prompt_tokens=int(count), completion_tokens=1))


def test_the_summary_says_what_was_done() -> None:
    assert summary(replace(NOW, done=3200, seconds=260)) == (
        "Answered 3198 of 3200 requests in 4:20 (12.3/s), 1.2M prompt and 34k completion tokens, "
        "7 answers already known, 5 retries, 2 errors, cost 0.12"
    )


def test_the_summary_of_an_uneventful_run_is_short() -> None:
    assert summary(Snapshot(done=1, total=1)) == "Answered 1 requests in 0:00, 0 errors"
