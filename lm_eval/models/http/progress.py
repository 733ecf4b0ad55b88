"""Says how far a run is: a line on a terminal, now and then a log line elsewhere."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from lm_eval.models.http.progress_text import Snapshot, line, summary

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine

__all__ = ["Progress"]

eval_logger = logging.getLogger("lm_eval")

_TICK = 0.5
# Rates are over so many seconds and answers at least, or all there are.
_LATELY, _ENOUGH = 30.0, 20
_LOOKS_KEPT = 2000
# When the time left is told: not from the first few answers, which come together.
_SECONDS_TO_FORESEE, _ANSWERS_TO_FORESEE = 5.0, 5
# In a pipe, a line for each tenth of a run, but no more often and no more seldom than so many seconds.
_LOG_AFTER, _LOG_AT_LEAST = 10.0, 60.0


class _Look(NamedTuple):
    """The counts at one time."""

    at: float
    done: int
    asked: int
    kept: int
    prompt: int
    completion: int


class Progress:
    """Counts responses; a timer of the event loop, not the responses, keeps the line up to date.

    Attributes:
        done: Responses that came or were lost.
        errors: Responses that were lost.
    """

    def __init__(
        self,
        total: int,
        engine: Engine,
        shown: bool | None = None,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            total: Responses to come.
            engine: Knows calls in flight, retries, tokens and cost.
            shown: True shows the line, False nothing at all; None shows it on a terminal, and log lines elsewhere.
            stream: Where the line goes; None means stderr.
            clock: Tells seconds.
        """
        self.done = self.errors = 0
        self._total, self._engine, self._clock = total, engine, clock
        self._stream = sys.stderr if stream is None else stream
        self._silent = shown is False or not total
        self._draws = not self._silent and (self._stream.isatty() if shown is None else bool(shown))
        self._drawn = 0
        self._began = self._logged_at = clock()
        self._logged_done = 0
        counts = engine.accounting
        self._retries_before, self._kept_before = counts.retries, counts.cached
        self._tokens_before = (counts.usage.prompt, counts.usage.completion)
        self._looks = deque([self._look()], maxlen=_LOOKS_KEPT)
        self._timer: asyncio.TimerHandle | None = None
        if not self._silent:
            for handler in eval_logger.handlers if self._draws else ():
                handler.addFilter(self._make_room)
            self._set_timer()

    def advance(self) -> None:
        """Count one response."""
        self.done += 1

    def fail(self) -> None:
        """Count one response that was lost."""
        self.errors += 1
        self.done += 1

    def tick(self) -> None:
        """Bring the line up to date, or log one when it is time."""
        now = self._clock()
        self._remember(self._look())
        if self._draws:
            self._draw(line(self.snapshot(), shutil.get_terminal_size((100, 24)).columns - 1))
            return
        since, tenth = now - self._logged_at, self.done - self._logged_done >= max(1, self._total // 10)
        if since >= _LOG_AT_LEAST or (tenth and since >= _LOG_AFTER):
            self._logged_at, self._logged_done = now, self.done
            eval_logger.info("%s", line(self.snapshot()))

    def close(self) -> None:
        """Put what was done in the place of the line."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._silent:
            return
        self._silent = True
        said = summary(self.snapshot())
        if not self._draws:
            eval_logger.info("%s", said)
            return
        for handler in eval_logger.handlers:
            handler.removeFilter(self._make_room)
        self._draw(said)
        self._write("\n")

    def snapshot(self) -> Snapshot:
        """Return the counts as they are, with rates over the last while."""
        counts, now = self._engine.accounting, self._look()
        then = self._looks[0]
        span = now.at - then.at
        came, asked, kept = now.done - then.done, now.asked - then.asked, now.kept - then.kept
        rate = came / span if span > 0 and came else None
        # Answers that are already known come at once and say nothing about the speed of the rest.
        speed = came * asked / (asked + kept) / span if span > 0 and asked else 0.0
        seconds = now.at - self._began
        foreseen = seconds >= _SECONDS_TO_FORESEE and came >= _ANSWERS_TO_FORESEE and speed > 0
        return Snapshot(
            done=self.done,
            total=self._total,
            errors=self.errors,
            seconds=seconds,
            rate=rate,
            prompt_rate=(now.prompt - then.prompt) / span if span > 0 else 0.0,
            completion_rate=(now.completion - then.completion) / span if span > 0 else 0.0,
            left=(self._total - self.done) / speed if foreseen else None,
            in_flight=self._engine.gate.inside,
            concurrency=self._engine.gate.limit.value,
            retries=counts.retries - self._retries_before,
            prompt_tokens=now.prompt - self._tokens_before[0],
            completion_tokens=now.completion - self._tokens_before[1],
            kept=now.kept - self._kept_before,
            cost=counts.cost,
            budgets=counts.budgets(),
        )

    def _look(self) -> _Look:
        counts = self._engine.accounting
        usage = counts.usage
        return _Look(self._clock(), self.done, counts.requests, counts.cached, usage.prompt, usage.completion)

    def _remember(self, look: _Look) -> None:
        """Keep looks as far back as rates need: the second is not yet far enough."""
        looks = self._looks
        looks.append(look)
        while len(looks) > 2 and look.at - looks[1].at >= _LATELY and look.done - looks[1].done >= _ENOUGH:
            looks.popleft()

    def _set_timer(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return

        def on_time() -> None:
            self.tick()
            self._timer = loop.call_later(_TICK, on_time)

        self._timer = loop.call_later(_TICK, on_time)

    def _draw(self, text: str) -> None:
        self._write(f"\r{text.ljust(self._drawn)}")
        self._drawn = len(text)

    def _make_room(self, record: Any) -> bool:
        """Take the line away before a log line is written in its place; the next tick draws it again."""
        if self._drawn:
            self._write(f"\r{' ' * self._drawn}\r")
            self._drawn = 0
        return True

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # a terminal that was closed must not end the run
            self._draws = False
