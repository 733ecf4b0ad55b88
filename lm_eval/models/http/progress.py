"""Progress of a run in answers: a tqdm bar on a terminal and in a notebook, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, TextIO

from lm_eval.text import outgoing

if TYPE_CHECKING:
    from tqdm import tqdm

    from lm_eval.models.http.concurrency import Gate
    from lm_eval.models.http.run_state import RunState
    from lm_eval.models.http.usage import Accounting

__all__ = ["Progress", "Watched"]

eval_logger = logging.getLogger("lm_eval")

_TICK = 0.5
_SMOOTHING = 0.05
"""Weight of one tick in tqdm's rate, an average over about 20 ticks with answers: at least 10 s and 20 answers."""
_TOKEN_TICKS = 60
_SECONDS_BEFORE_ESTIMATE, _ANSWERS_BEFORE_ESTIMATE = 5.0, 5
"""The first answers arrive together, so they say nothing about the time left."""
_SECONDS_BETWEEN_LOGS, _MAX_SECONDS_BETWEEN_LOGS = 10.0, 60.0
_COUNT = "{n_fmt}/{total_fmt} [{elapsed}<"
_REST = ", {rate_noinv_fmt}{postfix}]"


class _Counts(NamedTuple):
    """The engine's counters at one time; they run on from one request method of a model to the next."""

    asked: int
    cached: int
    retries: int
    prompt: int
    completion: int


class _Discard:
    """A stream for a bar that nobody looks at; the bar's rate and time left go to log lines."""

    def write(self, text: str) -> None:
        """Discard the text."""

    def flush(self) -> None:
        """Do nothing."""


class Watched(Protocol):
    """What is shown of an engine, or of several.

    Attributes:
        accounting: Requests, tokens and cost.
        gate: Calls in flight.
        status: Says in a few words what calls wait for.
    """

    accounting: Accounting
    gate: Gate
    status: Callable[[], str]


class Progress:
    """Counts responses; a timer of the event loop moves the bar, so that an answer costs one addition.

    Attributes:
        total: Number of responses to come.
        done: Responses that came or were lost.
        errors: Responses that were lost.
    """

    def __init__(
        self,
        total: int,
        engine: Watched,
        shown: bool | None = None,
        *,
        stream: TextIO | None = None,
        state: RunState | None = None,
        recount: Callable[[], int] | None = None,
    ) -> None:
        """Show an empty bar.

        Args:
            total: Number of responses to come.
            engine: Knows calls in flight, retries, tokens and cost.
            shown: True shows the bar, False shows nothing. None, the default, shows the bar on a terminal and in a
                notebook, and lines elsewhere: one per tenth of the run, 10 to 60 s apart. They go to the log, or to
                the stream when the program has set up no log.
            stream: Where the bar goes; None means stderr.
            state: Where the state of the run is written, whether a bar is shown or not; None writes no state.
            recount: Returns ``total`` anew, for a run that is still building its requests; None keeps it.
        """
        self.done = self.errors = 0
        self.total, self._engine, self._state, self._recount = total, engine, state, recount
        self._start = self._last = self._counts()
        self._tokens = deque([(0.0, self._start)], maxlen=_TOKEN_TICKS)
        self._logged_seconds, self._logged_done = 0.0, 0
        self._timer: asyncio.TimerHandle | None = None
        self._closing = ExitStack()
        self._bar: tqdm[NoReturn] | None = None
        if total and shown is not False:
            self._show_bar(total, shown, stream)
        if total and (self._bar is not None or state is not None):
            self._set_timer()

    def _show_bar(self, total: int, shown: bool | None, stream: TextIO | None) -> None:
        from tqdm.auto import tqdm
        from tqdm.contrib.logging import logging_redirect_tqdm

        stream = sys.stderr if stream is None else stream
        self._stream = stream
        self._draws = stream.isatty() or _is_notebook(stream, tqdm) if shown is None else shown
        self._layout = ("{l_bar}{bar}| " if self._draws else "{desc}: {percentage:.0f}% ") + _COUNT
        self._bar = self._closing.enter_context(
            tqdm(
                total=total, desc="Answers", unit="", file=stream if self._draws else _Discard(),
                leave=False, disable=False, dynamic_ncols=self._draws, miniters=1, mininterval=0,
                smoothing=_SMOOTHING, bar_format=f"{self._layout}?{_REST}",
            )
        )  # fmt: skip
        if self._bar.nrows is not None and self._bar.nrows < 1:  # a terminal without a size, where tqdm shows nothing
            self._bar.dynamic_ncols, self._bar.ncols, self._bar.nrows = False, 100, 24
        if self._draws:
            console = [logger for logger in (eval_logger, logging.root) if _writes_to_console(logger)]
            self._closing.enter_context(logging_redirect_tqdm(console, tqdm))

    def become(self, total: int, done: int, errors: int) -> None:
        """Take over the counts of several processes.

        Args:
            total: Number of responses to come.
            done: Responses that came or were lost.
            errors: Responses that were lost.
        """
        self.total, self.done, self.errors = total, done, errors
        if self._bar is not None:
            self._bar.total = total

    def advance(self) -> None:
        """Count one response."""
        self.done += 1

    def fail(self) -> None:
        """Count one response that was lost."""
        self.errors += 1
        self.done += 1

    def tick(self) -> None:
        """Move the bar, or log a line when it is time."""
        self._count_again()
        if self._state is not None:
            self._state.update(self.done, self.errors, self._engine.accounting)
        bar, counts = self._bar, self._counts()
        if bar is None:
            return
        came, asked, cached = self.done - bar.n, counts.asked - self._last.asked, counts.cached - self._last.cached
        self._last = counts
        # Cached answers come at once and say nothing about the speed of the rest: count them as done from the start.
        known = round(came * cached / (asked + cached)) if cached else 0
        bar.initial += known
        bar.n += known
        bar.last_print_n += known
        seconds = bar.format_dict["elapsed"]
        if came > known:
            self._tokens.append((seconds, counts))
        if seconds >= _SECONDS_BEFORE_ESTIMATE and self.done - bar.initial >= _ANSWERS_BEFORE_ESTIMATE:
            bar.bar_format = f"{self._layout}{{remaining}}{_REST}"
        bar.set_postfix_str(self._postfix(bar, seconds, counts), refresh=False)
        if not bar.update(came - known):
            bar.refresh()
        if not self._draws:
            since, tenth = seconds - self._logged_seconds, self.done - self._logged_done >= max(1, self.total // 10)
            if since >= _MAX_SECONDS_BETWEEN_LOGS or (tenth and since >= _SECONDS_BETWEEN_LOGS):
                self._logged_seconds, self._logged_done = seconds, self.done
                self._say(str(bar))

    def _count_again(self) -> None:
        """Take over a better estimate of the number of responses."""
        if self._recount is None:
            return
        self.total = max(self._recount(), self.done)
        for shown in (self._state, self._bar):
            if shown is not None:
                shown.total = self.total

    def close(self) -> None:
        """Remove the bar and print a summary of the run."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._count_again()
        if self._state is not None:
            self._state.update(self.done, self.errors, self._engine.accounting, ended=True)
        bar, self._bar = self._bar, None
        if bar is None:
            return
        summary = self._summary(bar)
        bar.n = self.done  # a notebook shows an incomplete bar in red
        self._closing.close()
        if self._draws:
            bar.fp.write(f"{summary}\n")
        else:
            self._say(summary)

    def _say(self, line: str) -> None:
        """Log a line. A script that has set up no log would not see it, so write it to the stream then."""
        if eval_logger.hasHandlers():
            eval_logger.info("%s", line)
        else:
            self._stream.write(f"{outgoing(line)}\n")
            self._stream.flush()

    def _counts(self) -> _Counts:
        counts = self._engine.accounting
        return _Counts(counts.requests, counts.cached, counts.retries, counts.usage.prompt, counts.usage.completion)

    def _postfix(self, bar: tqdm[NoReturn], seconds: float, counts: _Counts) -> str:
        """Say what tqdm does not know. A narrow terminal cuts the end, so the most important comes first."""
        gate, accounting = self._engine.gate, self._engine.accounting
        retries = counts.retries - self._start.retries
        spent = {"cost": _money, "tokens": _number, "time": bar.format_interval}
        budgets = accounting.budgets()
        cost = accounting.cost if "cost" not in budgets else None
        began, before = self._tokens[0]
        span = (seconds - began) or math.inf
        prompt, completion = (counts.prompt - before.prompt) / span, (counts.completion - before.completion) / span
        parts = [
            _plural(self.errors, "error", "errors") if self.errors else "",
            self._engine.status(),
            f"cost {_money(cost)}" if cost is not None else "",
            *(f"{name} {spent[name](value)} of {spent[name](limit)}" for name, (value, limit) in budgets.items()),
            _plural(retries, "retry", "retries") if retries else "",
            f"{gate.inside}/{gate.limit.value} in flight",
            f"{_number(prompt)} in {_number(completion)} out tok/s" if prompt or completion else "",
        ]
        return ", ".join(part for part in parts if part)

    def _summary(self, bar: tqdm[NoReturn]) -> str:
        seconds = bar.format_dict["elapsed"]
        counts, cost = self._counts(), self._engine.accounting.cost
        answered = self.done - self.errors
        prompt, completion = counts.prompt - self._start.prompt, counts.completion - self._start.completion
        cached, retries = counts.cached - self._start.cached, counts.retries - self._start.retries
        of_total = "" if answered == self.total else f" of {self.total}"
        per_second = self.done / seconds if seconds >= 1 else 0.0
        rate = f" ({per_second:{'.0f' if per_second >= 100 else '.3g'}}/s)" if per_second else ""
        took = bar.format_interval(seconds)
        tokens = f"{_number(prompt)} prompt and {_number(completion)} completion tokens"
        parts = [
            f"{answered}{of_total} {'answer' if self.total == 1 else 'answers'} in {took}{rate}",
            _plural(counts.asked - self._start.asked, "request", "requests"),
            tokens if prompt or completion else "",
            _plural(cached, "cached answer", "cached answers") if cached else "",
            _plural(retries, "retry", "retries") if retries else "",
            _plural(self.errors, "error", "errors"),
            f"cost {_money(cost)}" if cost is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    def _set_timer(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return

        def on_time() -> None:
            self.tick()
            self._timer = loop.call_later(_TICK, on_time)

        self._timer = loop.call_later(_TICK, on_time)


def _is_notebook(stream: TextIO, tqdm: type) -> bool:
    """Whether a bar can be drawn in a notebook: as a widget, or without that package as text."""
    widgets = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    return widgets or type(stream).__module__.startswith("ipykernel")


def _writes_to_console(logger: logging.Logger) -> bool:
    streams = [handler.stream for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
    return any(stream in (sys.stdout, sys.stderr) for stream in streams)


def _plural(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _money(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _number(value: float) -> str:
    """Shorten a number to about three digits: 940, 1.2k, 34k, 5.6M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}{letter}" if value < 10 * size else f"{value / size:.0f}{letter}"
    return f"{value:.0f}"
