"""What the rows are measured with: interpreters, sizes, a server, the state of the machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import reference
from benchmarks.data import write_tasks
from benchmarks.processes import ROOT, BenchmarkError, Python

__all__ = ["Bench", "CannedServer", "middle", "turns"]

_T = TypeVar("_T")


@dataclass(slots=True)
class Bench:
    """What the rows share.

    Attributes:
        folder: A folder that goes away afterwards.
        ours: This package's interpreter.
        peer: The reference's; None to leave it out.
        scale: What sizes are multiplied by; 1 for the sizes of the targets.
        rounds: How often short measurements are repeated.
        quicker: This package's interpreter with orjson; None to leave it out.
    """

    folder: Path
    ours: Python
    peer: Python | None
    scale: float
    rounds: int
    quicker: Python | None = None
    _tasks: dict[int, Path] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, peer: str | None, scale: float, rounds: int, parser: Path | None = None) -> Bench:
        """Make the folders the interpreters run in.

        Args:
            folder: A folder that goes away afterwards.
            peer: The reference's interpreter; None to leave it out.
            scale: What sizes are multiplied by.
            rounds: How often short measurements are repeated.
            parser: A folder with orjson; None to leave it out.

        Returns:
            The setting.
        """
        for name in ("ours", "peer"):
            (folder / name).mkdir()
        ours = Python(sys.executable, folder / "ours", True)
        other = Python(peer, folder / "peer", False) if peer is not None else None
        return cls(folder, ours, other, scale, rounds, replace(ours, more=parser) if parser is not None else None)

    def size(self, full: int, step: int = 4) -> int:
        """Scale a size, to a whole number of steps.

        Args:
            full: The size of the target.
            step: What it has to be a multiple of.

        Returns:
            At least one step.
        """
        return max(step, round(full * self.scale / step) * step)

    def tasks(self, docs: int) -> Path:
        """Return a folder with the made-up tasks, of so many docs.

        Args:
            docs: How many.

        Returns:
            The folder.
        """
        if docs not in self._tasks:
            self._tasks[docs] = write_tasks(self.folder / f"tasks-{docs}", docs)
        return self._tasks[docs]

    def task_files(self) -> str | None:
        """Return the folder of the reference's task files, None without a reference."""
        return None if self.peer is None else reference.task_folder(self.peer.path)

    def forget_index(self) -> None:
        """Remove what our package keeps between runs."""
        shutil.rmtree(self.ours.env["LM_HARNESS_CACHE_PATH"], ignore_errors=True)


class CannedServer:
    """The canned-answer server, in a process of its own; a context manager.

    Attributes:
        base_url: Its URL, ending in ``/v1``.
    """

    def __init__(self, latency_ms: float = 0.0, slow_ms: float = 0.0) -> None:
        """Describe it.

        Args:
            latency_ms: How long generated text takes.
            slow_ms: How long it takes for prompts marked slow.
        """
        self._words = [str(latency_ms), str(slow_ms)]
        self._process: subprocess.Popen[str] | None = None
        self._root = ""
        self.base_url = ""

    def __enter__(self) -> CannedServer:
        """Start it."""
        command = [sys.executable, "-m", "benchmarks.canned_server", *self._words]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        port = self._process.stdout.readline().strip() if self._process.stdout else ""
        if not port:
            self.__exit__()
            raise BenchmarkError("The canned server did not start.")
        self._root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self._root}/v1"
        return self

    def __exit__(self, *error: object) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def seen(self) -> dict[str, Any]:
        """Return what was asked since the last time.

        Returns:
            ``requests``; ``first_question``, when a task's prompt came first, seconds since the epoch; ``last_quick``
            and ``last``, when the last answer went out that was not slow, or at all.
        """
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.closing(opener.open(f"{self._root}/seen", timeout=10)) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def turns(rounds: int, *measures: Callable[[], _T]) -> Iterator[tuple[_T, ...]]:
    """Measure several things in turns, each round in the opposite order, so that a busy spell hits all of them.

    Args:
        rounds: How many rounds.
        *measures: What to measure.

    Yields:
        A round's results, in the order of ``measures``.
    """
    for round_ in range(rounds):
        places = list(range(len(measures)))
        found = {place: measures[place]() for place in (reversed(places) if round_ % 2 else places)}
        yield tuple(found[place] for place in places)
