"""What all measurements share: interpreters, sizes, tasks, a server."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.data import write_tasks
from benchmarks.processes import ROOT, BenchmarkError, Python
from benchmarks.reference import task_folder

__all__ = ["Bench", "CannedServer", "turns"]

_T = TypeVar("_T")


@dataclass(slots=True)
class Bench:
    """What all measurements share.

    Attributes:
        folder: A temporary folder.
        package: The interpreter with this package.
        reference: The interpreter with the reference harness; None to measure without it.
        scale: The factor of all sizes; 1 for the sizes of the targets.
        rounds: The number of rounds of short measurements.
        with_speed: The interpreter with this package and the extra ``speed``; None to measure without it.
        data: A folder with the datasets of real tasks; None to measure without them.
    """

    folder: Path
    package: Python
    reference: Python | None
    scale: float
    rounds: int
    with_speed: Python | None = None
    data: Path | None = None
    _tasks: dict[int, Path] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        folder: Path,
        reference: str | None,
        scale: float,
        rounds: int,
        speed: Path | None = None,
        data: Path | None = None,
    ) -> Bench:
        """Create the folders in which the interpreters run.

        Args:
            folder: A temporary folder.
            reference: The interpreter of the reference; None to measure without it.
            scale: The factor of all sizes.
            rounds: The number of rounds of short measurements.
            speed: A folder with the packages of the extra ``speed``; None to measure without them.
            data: A folder with the datasets of real tasks; None to measure without them.

        Returns:
            The setting.
        """
        for name in ("package", "reference"):
            (folder / name).mkdir()
        package = Python(sys.executable, folder / "package", True)
        other = Python(reference, folder / "reference", False) if reference is not None else None
        faster = replace(package, more=speed) if speed is not None else None
        return cls(folder, package, other, scale, rounds, faster, data)

    def size(self, full: int, step: int = 4) -> int:
        """Scale a size, rounded to a multiple of a step.

        Args:
            full: The size of the target.
            step: The step.

        Returns:
            At least one step.
        """
        return max(step, round(full * self.scale / step) * step)

    def tasks(self, docs: int) -> Path:
        """Return a folder with generated tasks; it is written once per size.

        Args:
            docs: The number of documents.

        Returns:
            The folder.
        """
        if docs not in self._tasks:
            self._tasks[docs] = write_tasks(self.folder / f"tasks-{docs}", docs)
        return self._tasks[docs]

    def task_files(self) -> str | None:
        """Return the folder of the reference's task files; None without a reference."""
        return None if self.reference is None else task_folder(self.reference.path)

    def forget_index(self) -> None:
        """Remove the files that this package keeps between runs."""
        shutil.rmtree(self.package.env["LM_HARNESS_CACHE_PATH"], ignore_errors=True)


class CannedServer:
    """Runs the canned server in a separate process; a context manager.

    Attributes:
        base_url: The URL of the server, ending in ``/v1``.
    """

    def __init__(self, latency_ms: float = 0.0, slow_ms: float = 0.0) -> None:
        """Describe the server; nothing starts yet.

        Args:
            latency_ms: The time of a generated text, in milliseconds.
            slow_ms: The time of a generated text for a prompt with ``(slow)``, in milliseconds.
        """
        self._words = [str(latency_ms), str(slow_ms)]
        self._process: subprocess.Popen[str] | None = None
        self._root = ""
        self.base_url = ""

    def __enter__(self) -> CannedServer:
        """Start the server."""
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
        """Stop the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def seen(self) -> dict[str, Any]:
        """Read the counters of the server, and reset ``requests`` and ``first_question``.

        Returns:
            ``requests``, the number of requests; ``first_question``, the time of the first prompt of a task;
            ``last_quick`` and ``last``, the times of the last answer that was not slow, and of the last answer. Times
            are seconds since 1970.
        """
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.closing(opener.open(f"{self._root}/seen", timeout=10)) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def turns(rounds: int, *measures: Callable[[], _T]) -> Iterator[tuple[_T, ...]]:
    """Measure in turns, in alternating order, so that a busy moment of the machine affects all measurements.

    Args:
        rounds: The number of rounds.
        *measures: Functions that each take one measurement.

    Yields:
        The results of one round, in the order of ``measures``.
    """
    for round_ in range(rounds):
        order = list(range(len(measures)))
        results = {index: measures[index]() for index in (reversed(order) if round_ % 2 else order)}
        yield tuple(results[index] for index in order)
