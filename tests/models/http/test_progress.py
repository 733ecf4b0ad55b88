from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from lm_eval.models.http.progress import Progress
from lm_eval.models.http.usage import Accounting


class Terminal(io.StringIO):
    """A stream that is a terminal or not, as configured."""

    def __init__(self, interactive: bool = True) -> None:
        super().__init__()
        self.interactive = interactive

    def isatty(self) -> bool:
        return self.interactive

    @property
    def shown(self) -> str:
        """The visible part of the last line, after its carriage returns."""
        cells: list[str] = []
        for written in self.getvalue().split("\n")[-1].split("\r"):
            cells[: len(written)] = written
        return "".join(cells).rstrip()


class Scene:
    """A run with a clock that only the test moves."""

    now = 0.0
    opened: ClassVar[list[Progress]] = []

    def __init__(self, total: int = 100, *, interactive: bool = True, shown: bool | None = None, **bounds: Any) -> None:
        Scene.now = 0.0
        self.terminal = Terminal(interactive)
        self.accounting = Accounting(clock=self.clock, **bounds)
        gate = SimpleNamespace(inside=3, limit=SimpleNamespace(value=8))
        self.engine = cast("Any", SimpleNamespace(accounting=self.accounting, gate=gate, status=str))
        self.accounting.start()
        self.progress = Progress(total, self.engine, shown, stream=self.terminal)
        self.opened.append(self.progress)

    @staticmethod
    def clock() -> float:
        return Scene.now

    def answer(self, count: int, seconds: float, *, cached: int = 0, prompt: int = 100, completion: int = 0) -> None:
        """Count answers one after the other, and update the display after each."""
        for index in range(count):
            Scene.now += seconds / count
            self.accounting.requests += index >= cached
            self.accounting.cached += index < cached
            self.accounting.usage.prompt += prompt
            self.accounting.usage.completion += completion
            self.progress.advance()
            self.progress.tick()

    @property
    def summary(self) -> str:
        self.progress.close()
        return self.terminal.getvalue().split("\r")[-1].rstrip("\n")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("tqdm.std.time", Scene.clock)
    yield
    while Scene.opened:
        Scene.opened.pop().close()


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="lm_eval")
    return caplog


def eventful(monkeypatch: pytest.MonkeyPatch, columns: int | None = None, **bounds: Any) -> Scene:
    """A run in which every kind of event occurs, on a terminal with a given width."""
    if columns is not None:
        monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda stream: (columns, 50))
    scene = Scene(3200, **bounds)
    scene.accounting.retries = 5
    scene.answer(1232, 80, prompt=100, completion=20)
    scene.progress.fail()
    scene.progress.fail()
    scene.progress.tick()
    return scene


def test_a_terminal_shows_one_line(scene: Scene) -> None:
    scene.answer(40, 20)
    assert scene.terminal.shown == (
        "Answers:  40%|####      | 40/100 [00:20<00:30,  2.00/s, 3/8 in flight, 200 in 0 out tok/s]"
    )
    assert "\n" not in scene.terminal.getvalue()


def test_a_line_shows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = eventful(monkeypatch, price_in=1.0, price_out=1.0, max_cost=5.0)
    assert scene.terminal.shown == (
        "Answers:  39%|###8      | 1234/3200 [01:20<02:07, 15.40/s, 2 errors, cost 0.15 of 5.00, 5 retries, "
        "3/8 in flight, 1.5k in 308 out tok/s]"
    )


def test_the_bar_fills_the_width_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(eventful(monkeypatch, 130).terminal.shown) == 130


@pytest.mark.parametrize(
    ("columns", "end"),
    [
        (110, "15.40/s, 2 errors, 5 retries, 3/8 in flight, 1.5k in 308 out tok/s]"),
        (86, "15.40/s, 2 errors, 5 retries, 3/8 in flight,"),
        (72, "15.40/s, 2 errors, 5 retries"),
        (60, "15.40/s, 2 errors"),
    ],
)
def test_a_narrow_terminal_cuts_the_least_important_parts(
    monkeypatch: pytest.MonkeyPatch, columns: int, end: str
) -> None:
    scene = eventful(monkeypatch, columns)
    assert end in scene.terminal.shown
    assert len(scene.terminal.shown) <= columns


def test_a_terminal_without_a_size_shows_a_line_of_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tqdm.std._screen_shape_wrapper", lambda: lambda stream: (-1, -1))
    scene = Scene()
    scene.answer(40, 20)
    assert " 40/100 [00:20<00:30,  2.00/s, 3/8 in flight, 200 in 0 out tok/s]" in scene.terminal.shown
    assert len(scene.terminal.shown) == 100


def test_a_shorter_line_leaves_nothing_of_the_longer(scene: Scene) -> None:
    scene.accounting.retries = 7
    scene.progress.tick()
    scene.accounting.retries = 0
    scene.progress.tick()
    assert scene.terminal.shown.endswith("?/s, 3/8 in flight]")


def test_unknown_figures_are_not_shown(scene: Scene) -> None:
    scene.progress.tick()
    assert scene.terminal.shown == "Answers:   0%|          | 0/100 [00:00<?, ?/s, 3/8 in flight]"


def test_time_left_is_not_shown_after_the_first_answers(scene: Scene) -> None:
    scene.answer(40, 4)
    assert "[00:04<?, 10.00/s" in scene.terminal.shown


def left(scene: Scene) -> float:
    """The remaining time that the bar shows, in seconds."""
    parts = scene.terminal.shown.partition("<")[2].partition(",")[0].split(":")
    return sum(float(part) * (1, 60, 3600)[power] for power, part in enumerate(reversed(parts)))


def test_time_left_follows_the_recent_rate() -> None:
    scene = Scene(total=10_000)
    scene.answer(1000, 10)
    scene.answer(100, 100)
    assert left(scene) == pytest.approx(8900, rel=0.05)


def test_cached_answers_do_not_shorten_the_time_left() -> None:
    scene = Scene(total=1000)
    scene.answer(500, 0.5, cached=500)
    scene.answer(20, 20)
    assert left(scene) == pytest.approx(480, rel=0.05)


def test_cached_answers_among_others_do_not_shorten_the_time_left() -> None:
    scene = Scene(total=1000)
    for _ in range(20):
        for _ in range(25):
            scene.accounting.cached += 1
            scene.progress.advance()
        scene.answer(1, 1)
    assert left(scene) == pytest.approx(480, abs=1)


def test_slow_answers_have_a_rate_too() -> None:
    scene = Scene()
    scene.answer(6, 360)
    assert "[06:00<1:34:00,  0.02/s" in scene.terminal.shown


def test_pauses_count_in_the_rate() -> None:
    scene = Scene()
    for _ in range(20):
        for _ in range(19):
            Scene.now += 0.5
            scene.progress.tick()
        scene.answer(1, 0.5)
    assert ",  0.10/s," in scene.terminal.shown


def test_a_long_run_keeps_few_counts() -> None:
    scene = Scene(total=100_000)
    scene.answer(5000, 5000)
    assert len(scene.progress._tokens) < 400


def test_tokens_per_second_follow_the_recent_rate() -> None:
    scene = Scene(total=1000)
    scene.answer(100, 1, completion=10)
    scene.answer(100, 100, completion=10)
    assert "100 in 10 out tok/s" in scene.terminal.shown


def test_lost_responses_are_counted(scene: Scene) -> None:
    scene.progress.fail()
    scene.progress.tick()
    assert "1%" in scene.terminal.shown
    assert " 1/100 " in scene.terminal.shown
    assert "1 error," in scene.terminal.shown


def test_earlier_counts_are_not_part_of_this_run() -> None:
    scene = Scene()
    scene.accounting.retries = 4
    scene.accounting.usage.prompt = 1000
    terminal = Terminal()
    later = Progress(1, scene.engine, True, stream=terminal)
    later.tick()
    later.close()
    assert "retries" not in terminal.getvalue()
    assert "prompt" not in terminal.getvalue()


def test_cost_and_bounds_are_shown() -> None:
    scene = Scene(price_in=1000.0, max_cost=50.0, max_time=600.0)
    scene.answer(50, 50)
    assert "cost 5.00 of 50.00, time 00:50 of 10:00" in scene.terminal.shown


def test_cost_is_shown_without_a_bound() -> None:
    scene = Scene(price_in=1000.0)
    scene.answer(5, 5)
    assert "cost 0.5," in scene.terminal.shown


def test_bounds_are_shown_in_their_units() -> None:
    scene = Scene(max_tokens_total=5_000_000, max_time=3723.0)
    scene.answer(12, 83, prompt=100_000)
    assert "tokens 1.2M of 5.0M, time 01:23 of 1:02:03" in scene.terminal.shown


def test_the_end_replaces_the_bar_by_a_summary(scene: Scene) -> None:
    scene.answer(100, 50)
    scene.progress.close()
    last = scene.terminal.getvalue().split("\r")[-1]
    assert last == "100 answers in 00:50 (2/s), 100 requests, 10k prompt and 0 completion tokens, 0 errors\n"


def test_the_summary_has_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = eventful(monkeypatch, price_in=1.0, price_out=1.0)
    scene.answer(7, 1, cached=7, prompt=0)
    scene.progress.done = 3200
    Scene.now = 260.0
    assert scene.summary == (
        "3198 of 3200 answers in 04:20 (12.3/s), 1232 requests, 123k prompt and 25k completion tokens, "
        "7 cached answers, 5 retries, 2 errors, cost 0.15"
    )


def test_the_summary_of_an_uneventful_run_is_short() -> None:
    scene = Scene(total=1)
    scene.answer(1, 0, prompt=0)
    assert scene.summary == "1 answer in 00:00, 1 request, 0 errors"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0"), (940, "940"), (1234, "1.2k"), (34_000, "34k"), (5_600_000, "5.6M"), (2e9, "2.0G")]
)
def test_counts_are_short(count: float, expected: str) -> None:
    scene = Scene(total=1)
    scene.answer(1, 1, prompt=int(count), completion=1)
    assert f" {expected} prompt" in scene.summary


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1, "1000/s"), (4, "250/s"), (64, "15.6/s"), (10_000, "0.1/s"), (0.5, None)]
)
def test_the_summary_has_a_readable_rate(seconds: float, expected: str | None) -> None:
    scene = Scene(total=1000)
    scene.answer(1000, seconds)
    assert ("/s" in scene.summary) == (expected is not None)
    assert expected is None or f"({expected})" in scene.terminal.getvalue()


def test_a_pipe_gets_few_log_lines(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=1000, interactive=False)
    scene.answer(1000, 250)
    scene.progress.close()
    messages = [record.getMessage() for record in logged.records]
    assert len(messages) == 11
    assert messages[0] == "Answers: 10% 100/1000 [00:25<03:45,  4.00/s, 3/8 in flight, 400 in 0 out tok/s]"
    assert scene.terminal.getvalue() == ""


def test_a_slow_run_in_a_pipe_shows_life_once_a_minute(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=1000, interactive=False)
    for _ in range(360):
        Scene.now += 0.5
        scene.progress.tick()
    assert [record.getMessage()[:26] for record in logged.records] == [
        "Answers: 0% 0/1000 [01:00<",
        "Answers: 0% 0/1000 [02:00<",
        "Answers: 0% 0/1000 [03:00<",
    ]


def test_a_quick_run_in_a_pipe_logs_only_the_summary(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(total=50, interactive=False)
    scene.answer(50, 5)
    scene.progress.close()
    assert len(logged.records) == 1


def test_a_script_without_a_log_sees_the_lines_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.Logger.hasHandlers", lambda logger: False)
    scene = Scene(total=1000, interactive=False)
    scene.answer(1000, 250)
    scene.progress.close()
    lines = scene.terminal.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("Answers: 10% 100/1000 [00:25<03:45")
    assert lines[-1].startswith("1000 answers in 04:10 (4/s), 1000 requests, ")


def test_a_notebook_without_widgets_shows_the_bar_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "__module__", "ipykernel.iostream")
    scene = Scene(interactive=False)
    scene.answer(40, 20)
    assert scene.terminal.shown.startswith("Answers:  40%|####")


def test_disabled_progress_is_silent(logged: pytest.LogCaptureFixture) -> None:
    scene = Scene(shown=False)
    scene.progress.advance()
    scene.progress.tick()
    scene.progress.close()
    assert (scene.terminal.getvalue(), logged.records) == ("", [])


def test_a_bar_can_be_forced_in_a_pipe() -> None:
    scene = Scene(shown=True, interactive=False)
    scene.answer(10, 10)
    assert " 10/100 [" in scene.terminal.shown


def test_closing_twice_logs_one_summary(scene: Scene) -> None:
    scene.progress.close()
    scene.progress.close()
    assert scene.terminal.getvalue().count(" of 100 answers in ") == 1


def test_a_log_line_is_not_written_into_the_line(
    logged: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, engine = Terminal(), Scene(shown=False).engine
    monkeypatch.setattr(sys, "stderr", terminal)
    logger, handler = logging.getLogger("lm_eval"), logging.StreamHandler(terminal)
    logger.addHandler(handler)
    before = list(logger.handlers)
    try:
        progress = Progress(10, engine)
        progress.tick()
        logger.warning("careful")
        assert terminal.shown.startswith("Answers:   0%|")
        progress.close()
        assert logger.handlers == before
    finally:
        logger.removeHandler(handler)
    first = terminal.getvalue().split("\n")[0]
    assert first.endswith("\rcareful")
    assert first.split("\r")[-2].strip() == ""


def test_a_terminal_that_was_closed_ends_nothing(scene: Scene) -> None:
    scene.terminal.close()
    scene.progress.tick()
    scene.progress.close()


def test_an_answer_costs_an_addition_and_draws_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scene.terminal.getvalue()
    monkeypatch.setattr(Progress, "tick", lambda self: pytest.fail("an answer moves the bar by itself"))
    for _ in range(5000):
        scene.progress.advance()
    assert (scene.progress.done, scene.terminal.getvalue()) == (5000, before)
    monkeypatch.undo()


def test_the_event_loops_timer_draws_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.models.http.progress._TICK", 0.0)
    drawn = asyncio.Event()

    class Drawing(Terminal):
        def write(self, text: str) -> int:
            if "in flight" in text:
                drawn.set()
            return super().write(text)

    async def run() -> None:
        progress = Progress(10, Scene(shown=False).engine, stream=Drawing())
        await asyncio.wait_for(drawn.wait(), 10)
        progress.close()
        assert progress._timer is None

    asyncio.run(run())


@pytest.mark.parametrize("shown", [None, False])
def test_the_state_of_the_run_is_written_with_and_without_a_bar(shown: bool | None) -> None:
    seen: list[tuple[int, int, bool]] = []

    class State:
        def update(self, done: int, errors: int, accounting: Accounting, *, ended: bool = False) -> None:
            seen.append((done, errors, ended))

    scene = Scene(shown=shown)
    scene.progress._state = cast("Any", State())
    scene.answer(2, 1.0)
    scene.progress.fail()
    scene.progress.close()
    assert seen == [(1, 0, False), (2, 0, False), (3, 1, True)]
