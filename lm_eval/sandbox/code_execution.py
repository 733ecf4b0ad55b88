"""Run programs a model wrote, each in a process of its own that can do little harm, and estimate pass@k.

A program passes when it runs to its end without an exception. It gets an empty folder that is removed afterwards, an
empty environment, no input, and limits on time, memory, files and processes. Where the system allows (Linux), it has
no network, cannot write outside its folder and sees no other process; a superuser becomes ``nobody``. On top, Python
itself refuses processes, connections and writes elsewhere, on every system, so that a verdict does not depend on it.
This contains mishaps and mischief; it is no proof against code that sets out to break it or to forge its verdict:
for that, run the whole evaluation in a virtual machine.
"""

from __future__ import annotations

import functools
import logging
import marshal
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lm_eval.errors import ConfigError, LMEvalError
from lm_eval.statistics.repeats import pass_at_k

__all__ = ["Limits", "Outcome", "code_eval", "pass_at_k", "run_program", "run_programs"]

eval_logger = logging.getLogger("lm_eval")

_RUNNER = Path(__file__).with_name("_code_runner.py")
# An interpreter on a busy machine may take long to start; that time is not the program's.
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: Wall time, from its first line on.
        memory_mb: Address space of a process.
        file_mb: Size of a file, and of all files together where the folder can be mounted in memory.
        processes: Processes and threads beside the first.
        open_files: Open files.
        refuse_in_python: Whether Python's audit hook refuses processes, connections and writes elsewhere, too.
    """

    seconds: float = 3.0
    memory_mb: int = 2048
    file_mb: int = 16
    processes: int = 16
    open_files: int = 64
    refuse_in_python: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended.

    Attributes:
        status: ``passed``: it ran to its end; ``failed``: an exception, or its process died; ``timeout``.
        detail: The exception, in one line.
        layers: What held it, of ``processes``, ``network``, ``disk``, ``user``, ``files``, ``python``.
    """

    status: Literal["passed", "failed", "timeout"]
    detail: str = ""
    layers: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether the program ran to its end."""
        return self.status == "passed"


def run_program(program: str, limits: Limits | None = None) -> Outcome:
    """Run a Python program.

    Args:
        program: Its source.
        limits: What it may use.

    Returns:
        How it ended.

    Raises:
        ConfigError: The system is not a POSIX one.
        LMEvalError: The process could not be set up; that says nothing about the program.
    """
    if os.name != "posix":
        raise ConfigError("Running generated code needs Linux or macOS; on Windows use WSL.")
    limits = limits or Limits()
    nonce = secrets.token_hex(16)
    request = marshal.dumps({"program": program, "nonce": nonce, **asdict(limits)})
    with tempfile.TemporaryDirectory(prefix="lm-eval-code-", ignore_cleanup_errors=True) as folder:
        ready, writing = os.pipe()
        try:
            process = _start(folder, writing)
        finally:
            os.close(writing)
        with os.fdopen(ready, "rb", buffering=0) as pipe, _killed_at_the_end(process):
            return _watch(process, pipe.fileno(), nonce, request, limits.seconds)


def run_programs(programs: Sequence[str], limits: Limits | None = None) -> list[Outcome]:
    """Run programs, as many at once as there are processors; equal programs are run once.

    Args:
        programs: Their sources.
        limits: What each may use.

    Returns:
        How each ended, in order.

    Raises:
        ConfigError: The system is not a POSIX one.
        LMEvalError: A process could not be set up.
    """
    distinct = list(dict.fromkeys(programs))
    workers = max(1, min(len(distinct), os.cpu_count() or 1))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = dict(zip(distinct, pool.map(functools.partial(run_program, limits=limits), distinct), strict=True))
    return [found[program] for program in programs]


def code_eval(
    references: Sequence[str],
    predictions: Sequence[Sequence[str]],
    k: Sequence[int] = (1, 10, 100),
    limits: Limits | None = None,
) -> dict[str, float]:
    """Score candidate programs by tests, as the metric ``code_eval`` of Hugging Face ``evaluate`` does.

    Args:
        references: The tests of each problem.
        predictions: The candidates of each problem; the test is run after the candidate, in one program.
        k: The values of k; one that is more than the candidates of some problem is left out.
        limits: What each program may use.

    Returns:
        ``pass@k`` for each k, averaged over the problems.

    Raises:
        ConfigError: The system is not a POSIX one.
        LMEvalError: A process could not be set up.
    """
    pairs = list(zip(references, predictions, strict=True))
    outcomes = iter(run_programs([f"{sample}\n{test}" for test, samples in pairs for sample in samples], limits))
    counts = [(len(samples), sum(next(outcomes).passed for _ in samples)) for _, samples in pairs]
    return {
        f"pass@{size}": sum(pass_at_k(total, correct, size) for total, correct in counts) / len(counts)
        for size in k
        if counts and all(total >= size for total, _ in counts)
    }


def _start(folder: str, writing: int) -> subprocess.Popen[bytes]:
    environment = {
        "HOME": folder,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.defpath,
        # The order of a set of strings, and with it a verdict, is the same in every run.
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TMPDIR": folder,
    }
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return subprocess.Popen(
        [sys.executable, "-s", "-B", str(_RUNNER), str(writing)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
    )


@contextmanager
def _killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process with its whole group."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _watch(process: subprocess.Popen[bytes], pipe: int, nonce: str, request: bytes, seconds: float) -> Outcome:
    """Hand the request over and follow the reports: ``ready`` with the layers, then ``passed`` or ``failed``."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(request)
    reports = _Reports(pipe, nonce)
    kind, text = reports.next(_START_SECONDS)
    if kind != "ready":
        raise LMEvalError(f"The process for generated code did not start: {text or kind}")
    layers = frozenset(text.split(",")) - {""}
    _mention(layers)
    kind, text = reports.next(seconds)
    if kind == "passed":
        return Outcome("passed", layers=layers)
    if kind == "timeout":
        return Outcome("timeout", f"no end after {seconds:g} s", layers)
    return Outcome("failed", text or "its process ended before the program did", layers)


class _Reports:
    """The lines that carry the nonce, from a pipe."""

    def __init__(self, pipe: int, nonce: str) -> None:
        self._pipe, self._start, self._buffer = pipe, f"{nonce} ".encode(), b""

    def next(self, seconds: float) -> tuple[str, str]:
        """Wait for a line; ``timeout`` and ``ended`` are kinds of their own."""
        deadline = time.monotonic() + seconds
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                if line.startswith(self._start):
                    kind, _, text = line[len(self._start) :].decode("utf-8", "replace").partition(" ")
                    return kind, text
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                return "timeout", ""
            chunk = os.read(self._pipe, 4096)
            # A line without an end is none of ours: keep no more than one can be long.
            self._buffer = (self._buffer + chunk)[-8192:]
            if not chunk:
                return "ended", ""


@functools.cache
def _mention(layers: frozenset[str]) -> None:
    """Say once what does not hold on this system."""
    missing = {"processes", "network", "files", *(["user"] if os.geteuid() == 0 else [])} - layers
    if missing:
        eval_logger.warning(
            "Generated code runs with limits, but this system does not let it be cut off from: %s; "
            "only Python itself refuses that.",
            ", ".join(sorted(missing)),
        )
