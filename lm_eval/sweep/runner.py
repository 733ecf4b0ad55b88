"""Runs the cells of a sweep, each in a process of its own: endpoints at the same time, the cells of one in turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lm_eval.errors import UserError
from lm_eval.sweep.file import Cell
from lm_eval.sweep.state import Outcome, begin, outcome_of

__all__ = ["Ended", "run_cells"]

LOG = "run.log"
"""The file in the folder of a cell that has what its runs printed."""
_PATIENCE = 60.0
"""Seconds that an interrupted run has to keep its answers and end."""
_LAST = 4096
_State = Literal["done", "was done", "lost", "incomplete", "stopped", "failed", "not started"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a cell ended.

    Attributes:
        cell: The cell.
        state: ``done``; ``was done`` before; ``lost``: some documents; ``incomplete``: a task or a score is missing;
            ``stopped`` by a budget, an outage or Ctrl-C; ``failed``; ``not started``.
        code: The exit code of its run; None if it did not run.
        said: Its last message, for a cell that did not end well.
        seconds: How long it took.
        outcome: Its results, where there are some.
    """

    cell: Cell
    state: _State
    code: int | None = None
    said: str = ""
    seconds: float = 0.0
    outcome: Outcome | None = None


def run_cells(
    cells: Sequence[Cell], command: Sequence[str], stopped: Sequence[int], tell: Callable[[str], None]
) -> list[Ended]:
    """Run the cells that are not complete.

    A process gets its options on stdin, so that no key is in a file or in the list of processes. Its stdin stays open:
    when it closes, because this process is no more, the run stops as after Ctrl-C and can be resumed.

    Args:
        cells: The cells.
        command: What starts a run that reads its options from stdin.
        stopped: The exit codes of a run that the same command resumes.
        tell: Gets a line when a cell starts or ends.

    Returns:
        How each cell ended, in the order of the cells.
    """
    return asyncio.run(_Runner(cells, command, stopped, tell).run())


class _Runner:
    def __init__(
        self, cells: Sequence[Cell], command: Sequence[str], stopped: Sequence[int], tell: Callable[[str], None]
    ) -> None:
        self._cells, self._command, self._stopped, self._tell = cells, command, stopped, tell
        self._running: set[asyncio.subprocess.Process] = set()
        self._stopping = False
        self._ended: dict[str, Ended] = {}

    async def run(self) -> list[Ended]:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(sign, self._stop)
        queues: dict[str, list[Cell]] = {}
        for cell in self._cells:
            queues.setdefault(cell.endpoint, []).append(cell)
        await asyncio.gather(*map(self._in_turn, queues.values()))
        return [self._ended[str(cell.folder)] for cell in self._cells]

    def _stop(self) -> None:
        """Interrupt all runs; a second time, kill them."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL if self._stopping else signal.SIGINT)
        if not self._stopping:
            self._tell("Stopping: the runs keep their answers; the same command goes on.")
        self._stopping = True

    async def _in_turn(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            ended = await self._one(cell)
            self._ended[str(cell.folder)] = ended
            count = f"[{len(self._ended)}/{len(self._cells)}]"
            said = f": {ended.said}" if ended.said else ""
            took = f" in {ended.seconds:.0f} s" if ended.code is not None else ""
            if ended.state != "not started":
                self._tell(f"{count} {cell.name}: {ended.state}{took}{said}")

    async def _one(self, cell: Cell) -> Ended:
        found = outcome_of(cell)
        if found is not None and not found.lost:
            return Ended(cell, "incomplete" if found.incomplete else "was done", outcome=found)
        if self._stopping:
            return Ended(cell, "not started")
        started = time.monotonic()
        try:
            begin(cell)
            code, said = await self._process(cell)
        except (OSError, UserError) as error:  # such as a full disk
            return Ended(cell, "failed", said=str(error))
        outcome, seconds = outcome_of(cell), time.monotonic() - started
        if code in self._stopped:
            return Ended(cell, "stopped", code, said, seconds, outcome)
        if outcome is None or code < 0:
            return Ended(cell, "failed", code, said or f"exit code {code}", seconds, outcome)
        if outcome.lost:
            return Ended(cell, "lost", code, f"{outcome.lost} documents", seconds, outcome)
        return Ended(cell, "incomplete" if outcome.incomplete else "done", code, "", seconds, outcome)

    async def _process(self, cell: Cell) -> tuple[int, str]:
        """Run a cell; return the exit code and its last message."""
        with (cell.folder / LOG).open("ab") as log:
            start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Ctrl-C reaches this process only, which interrupts the runs once
            )
            self._running.add(process)
            if self._stopping:
                process.send_signal(signal.SIGINT)
            try:
                assert process.stdin is not None
                process.stdin.write(json.dumps(cell.options, default=str).encode() + b"\n")
                with contextlib.suppress(ConnectionError):
                    await process.stdin.drain()
                code = await process.wait()
            finally:
                self._running.discard(process)
        if code < 0:
            return code, f"killed by signal {-code}"
        return code, "" if code == 0 else _last_message(cell, start)


def _last_message(cell: Cell, start: int) -> str:
    """Return the last line that a run printed as a message of its end."""
    with (cell.folder / LOG).open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(start, size - _LAST))
        lines = log.read().decode("utf-8", "replace").splitlines()
    said = next((line.removeprefix("lm_eval: ") for line in reversed(lines) if line.startswith("lm_eval: ")), "")
    # An exception that nobody handles ends with its text.
    return said or next((line.strip() for line in reversed(lines) if line.strip()), "")
