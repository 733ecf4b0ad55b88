"""The benchmarks run, at a tiny size; the figures are not checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.canned_server import score_of
from benchmarks.rows import MEASUREMENTS
from benchmarks.setting import Bench, CannedServer, turns
from benchmarks.table import Row, render


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.open(tmp_path, None, 0.0001, 1)


@pytest.mark.parametrize("name", ["build", "engine", "long", "replay", "bootstrap", "prefix"])
def test_a_measurement_runs(bench: Bench, name: str) -> None:
    rows = list(MEASUREMENTS[name](bench))
    assert rows
    assert all(row.figure for row in rows)


def test_a_command_is_timed_to_its_first_request(bench: Bench) -> None:
    rows = list(MEASUREMENTS["first"](bench))
    assert [row.figure.endswith(" s") and not row.figure.startswith("-") for row in rows] == [True, True]


def test_the_server_counts_its_requests() -> None:
    with CannedServer() as server:
        seen = server.seen()
    assert (seen["first_question"], seen["requests"]) == (0.0, 0)


def test_a_score_is_the_sum_over_tokens_of_four_characters() -> None:
    assert score_of("", "abcdefgh")[0] == score_of("", "abcd")[0] + score_of("", "efgh")[0]


def test_turns_alternate_the_order() -> None:
    order: list[str] = []
    list(turns(2, lambda: order.append("a"), lambda: order.append("b")))
    assert order == ["a", "b", "b", "a"]


def test_a_table_has_one_line_per_row() -> None:
    lines = render([Row("one", "2 s", "4 s", 2.0, "< 3 s", True), Row("two", "1 s")]).splitlines()
    assert lines[2:] == ["| one | 2 s | 4 s | 2 | < 3 s | yes |  |", "| two | 1 s |  |  |  |  |  |"]
