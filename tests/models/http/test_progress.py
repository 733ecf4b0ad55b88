from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lm_eval.models.http.progress import Progress
from lm_eval.models.http.usage import Accounting


class Terminal(io.StringIO):
    """A stream that says what it is."""

    def __init__(self, interactive: bool = True) -> None:
        super().__init__()
        self.interactive = interactive

    def isatty(self) -> bool:
        return self.interactive

    @property
    def shown(self) -> str:
        """What is left of the last line after its carriage returns."""
        cells: list[str] = []
        for written in self.getvalue().split("\n")[-1].split("\r"):
            cells[: len(written)] = written
        return "".join(cells).rstrip()


class Scene:
    """A run with a clock of its own."""

    def __init__(self, total: int = 100, *, interactive: bool = True, shown: bool | None = None, **bounds: Any) -> None:
        self.now = 0.0
        self.terminal = Terminal(interactive)
        self.accounting = Accounting(clock=self.clock, **bounds)
        gate = SimpleNamespace(inside=3, limit=SimpleNamespace(value=8))
        self.engine = cast("Any", SimpleNamespace(accounting=self.accounting, gate=gate))
        self.accounting.start()
        self.progress = Progress(total, self.engine, shown, stream=self.terminal, clock=self.clock)

    def clock(self) -> float:
        return self.now

    def answer(self, count: int, seconds: float, *, kept: int = 0) -> None:
        """Let answers come, one after the other, and look after each."""
        for index in range(count):
            self.now += seconds / count
            self.accounting.requests += index >= kept
            self.accounting.cached += index < kept
            self.accounting.usage.prompt += 100
            self.progress.advance()
            self.progress.tick()


@pytest.fixture(autouse=True)
def handlers_as_they_were() -> Iterator[None]:
    before = [(handler, list(handler.filters)) for handler in logging.getLogger("lm_eval").handlers]
    yield
    for handler, filters in before:
        handler.filters[:] = filters


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="lm_eval")
    return caplog


def test_a_terminal_shows_one_line(scene: Scene) -> None:
    scene.answer(40, 20)
    assert scene.terminal.shown == "Requests 40/100 40%  0:20, 0:30 left  2.0/s  200 in 0 out tok/s  3/8 in flight"
    assert "\n" not in scene.terminal.getvalue()


def test_a_shorter_line_leaves_nothing_of_the_longer(scene: Scene) -> None:
    scene.answer(40, 20)
    scene.engine.gate.limit.value = 0
    scene.progress.tick()
    assert scene.terminal.shown.endswith("tok/s")


def test_time_left_is_not_told_from_the_first_answers(scene: Scene) -> None:
    scene.answer(40, 4)
    assert scene.progress.snapshot().left is None


def test_time_left_follows_the_speed_of_late() -> None:
    scene = Scene(total=10_000)
    scene.answer(1000, 10)
    scene.answer(100, 100)
    assert scene.progress.snapshot().left == pytest.approx(8900, rel=0.05)


def test_answers_that_were_known_do_not_make_time_left_short() -> None:
    scene = Scene(total=1000)
    scene.answer(520, 20, kept=500)
    assert scene.progress.snapshot().left == pytest.approx(480)


def test_slow_answers_have_a_rate_too() -> None:
    scene = Scene()
    scene.answer(6, 360)
    assert scene.progress.snapshot().rate == pytest.approx(1 / 60)


def test_a_long_run_keeps_few_looks() -> None:
    scene = Scene(total=100_000)
    scene.answer(50_000, 5000)
    assert len(scene.progress._looks) < 400


def test_lost_responses_are_counted(scene: Scene) -> None:
    scene.progress.fail()
    scene.progress.tick()
    assert "1/100 1%" in scene.terminal.shown
    assert "1 error" in scene.terminal.shown


def test_what_was_counted_before_is_not_this_runs() -> None:
    scene = Scene()
    scene.accounting.retries = 4
    scene.accounting.usage.prompt = 1000
    later = Progress(1, scene.engine, True, stream=scene.terminal, clock=scene.clock).snapshot()
    assert (later.retries, later.prompt_tokens) == (0, 0)


def test_cost_and_bounds_are_shown() -> None:
    scene = Scene(price_in=1000.0, max_cost=50.0, max_time=600.0)
    scene.answer(50, 50)
    assert scene.progress.snapshot().budgets == {"cost": (5.0, 50.0), "time": (50.0, 600.0)}


def test_the_end_replaces_the_line_by_what_was_done(scene: Scene) -> None:
    scene.answer(100, 50)
    scene.progress.close()
    last = scene.terminal.getvalue().split("\r")[-1]
    assert last.rstrip(" \n") == "Answered 100 requests in 0:50 (2.0/s), 10k prompt and 0 completion tokens, 0 errors"
    assert last.endswith("\n")


def test_a_pipe_gets_log_lines_and_not_many(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=1000, interactive=False)
    scene.answer(1000, 300)
    scene.progress.close()
    said = [record.getMessage() for record in logged.records]
    assert len(said) == 11
    assert said[0].startswith("Requests 100/1000 10%  0:30, 4:30 left  3.3/s")
    assert scene.terminal.getvalue() == ""


def test_a_slow_run_in_a_pipe_shows_life_once_a_minute(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=1000, interactive=False)
    for _ in range(360):
        scene.now += 0.5
        scene.progress.tick()
    assert [record.getMessage()[:24] for record in logged.records] == [
        "Requests 0/1000 0%  1:00",
        "Requests 0/1000 0%  2:00",
        "Requests 0/1000 0%  3:00",
    ]


def test_a_quick_run_in_a_pipe_says_only_what_was_done(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=50, interactive=False)
    scene.answer(50, 5)
    scene.progress.close()
    assert len(logged.records) == 1


def test_nothing_is_said_where_nothing_is_wanted(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(shown=False)
    scene.progress.advance()
    scene.progress.close()
    assert (scene.terminal.getvalue(), logged.records) == ("", [])


def test_closing_twice_says_it_once(scene: Scene) -> None:
    scene.progress.close()
    scene.progress.close()
    assert scene.terminal.getvalue().count("Answered") == 1


def test_a_log_line_is_not_written_into_the_line(logged: pytest.LogCaptureFixture) -> None:
    terminal, engine = Terminal(), Scene().engine
    logger, handler = logging.getLogger("lm_eval"), logging.StreamHandler(terminal)
    logger.addHandler(handler)
    try:
        progress = Progress(10, engine, stream=terminal)
        progress.tick()
        logger.warning("careful")
        progress.close()
    finally:
        logger.removeHandler(handler)
    first = terminal.getvalue().split("\n")[0]
    assert first.endswith("\rcareful")
    assert first.split("\r")[-2].strip() == ""
    assert handler.filters == []


def test_a_terminal_that_was_closed_ends_nothing(scene: Scene) -> None:
    scene.terminal.close()
    scene.progress.tick()
    scene.progress.close()


def test_the_event_loops_timer_draws_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.models.http.progress._TICK", 0.0)
    drawn = asyncio.Event()

    class Drawing(Terminal):
        def write(self, text: str) -> int:
            drawn.set()
            return super().write(text)

    async def run() -> None:
        progress = Progress(10, Scene().engine, stream=Drawing())
        await asyncio.wait_for(drawn.wait(), 10)
        progress.close()
        assert progress._timer is None

    asyncio.run(run())
