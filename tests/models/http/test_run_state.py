from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli.run import execute
from lm_eval.demo import demo_config
from lm_eval.mock_server import MockServer
from lm_eval.models.http.run_state import RunState, state_path
from lm_eval.models.http.usage import Accounting


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def read(journal: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(state_path(journal).read_text())
    return found


def test_the_state_of_a_run_is_next_to_its_journal(tmp_path: Path) -> None:
    clock, accounting = Clock(), Accounting(price_in=1.0, requests=30)
    accounting.usage.prompt = 2_000_000
    state = RunState(tmp_path / "abc.sqlite", "org/m", ["a", "b"], 100, clock=clock)
    clock.now = 10.0
    state.update(30, 2, accounting)
    found = read(tmp_path / "abc.sqlite")
    assert [file.name for file in tmp_path.iterdir()] == ["abc.state.json"]
    assert {key: found[key] for key in ("model", "tasks", "total", "done", "errors", "rate", "cost", "ended")} == {
        "model": "org/m",
        "tasks": ["a", "b"],
        "total": 100,
        "done": 30,
        "errors": 2,
        "rate": 3.0,
        "cost": 2.0,
        "ended": False,
    }


def test_it_is_written_at_most_twice_per_second(tmp_path: Path) -> None:
    clock = Clock()
    state = RunState(tmp_path / "abc.sqlite", "m", [], 100, clock=clock)
    seen = []
    for step in range(11):
        clock.now = step / 10
        state.update(step, 0, Accounting())
        seen.append(read(tmp_path / "abc.sqlite")["done"])
    assert seen == [0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 10]


def test_the_rate_is_that_of_the_last_half_minute_without_cached_answers(tmp_path: Path) -> None:
    clock, accounting = Clock(), Accounting(cached=500)
    state = RunState(tmp_path / "abc.sqlite", "m", [], 1000, clock=clock)
    for step in range(100):
        clock.now = float(step)
        state.update(500 + (step if step < 50 else 50), 0, accounting)
    assert read(tmp_path / "abc.sqlite")["rate"] == 0.0


@pytest.mark.parametrize("blocked", ["missing", "file"])
def test_a_run_goes_on_when_its_state_cannot_be_written(tmp_path: Path, blocked: str) -> None:
    folder = tmp_path / blocked
    if blocked == "file":
        folder.write_text("")
    RunState(folder / "abc.sqlite", "m", [], 1).update(1, 0, Accounting(), ended=True)


def test_a_run_leaves_its_state_until_its_results_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    plain = RunState.update

    def noted(self: RunState, done: int, errors: int, accounting: Accounting, *, ended: bool = False) -> None:
        plain(self, done, errors, accounting, ended=ended)
        seen.extend(json.loads(file.read_text()) for file in tmp_path.rglob("*.state.json"))

    monkeypatch.setattr(RunState, "update", noted)
    with MockServer() as server:
        assert execute(demo_config(server.base_url, "mock", str(tmp_path))) == 0
    assert (seen[-1]["ended"], seen[-1]["done"], seen[-1]["total"]) == (True, seen[-1]["total"], seen[-1]["total"])
    assert (seen[-1]["model"], sorted(seen[-1]["tasks"])) == ("mock", ["demo_choices", "demo_numbers", "demo_prose"])
    assert list(tmp_path.rglob("*.state.json")) == []
    assert not (tmp_path / ".journal").exists()
