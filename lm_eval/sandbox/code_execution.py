"""Run programs that a model wrote, each in a separate process with few rights, and estimate pass@k.

A program passes when it runs to its end without an exception. It gets an empty folder that is removed afterwards, an
empty environment, no input, and limits on time, memory, files and processes. The kernel of Linux keeps it from other
processes, the network and local sockets, and shows it no files but those that Python needs. In addition, an audit hook
in Python refuses new processes, connections and writes outside the folder, so that a result does not depend on the
system. Where the system lacks a protection, no program runs, unless ``use_sandbox`` chooses a container or allows it.
A program can fake its own result: it runs in the interpreter that reports the verdict.
"""

from __future__ import annotations

import functools
import importlib
import logging
import marshal
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lm_eval.config.values import sandbox
from lm_eval.errors import ConfigError, LMEvalError
from lm_eval.sandbox import containers
from lm_eval.sandbox.system_calls import SYSTEM_CALLS
from lm_eval.sandbox.usage import memory_mb, size_mb
from lm_eval.statistics.repeats import pass_at_k

__all__ = [
    "ProgramLimits",
    "ProgramResult",
    "check_sandbox",
    "code_eval",
    "pass_at_k",
    "run_one_at_a_time",
    "run_program",
    "run_programs",
    "use_sandbox",
]

eval_logger = logging.getLogger("lm_eval")

# How programs run: what the process chose, and what a run chose. A task's metric gets no settings, so that they are
# kept here.
_kinds: dict[str, str | None] = {"process": "strict", "run": None}

_at_once: dict[str, int] = {}
"""How many programs run at a time, where that is not the number of processors."""

_RUNNER = Path(__file__).with_name("_code_runner.py")
# A module has its bytecode on disk; a script would be compiled for each program, which takes a third of the time.
_START = "import sys; sys.path[0] = sys.argv.pop(1); import _code_runner; _code_runner.main()"
# An interpreter may start slowly on a busy machine. This time does not count against the limit of the program.
_START_SECONDS = 60.0
# Seconds between two looks at the memory and the files of a program that the kernel does not bound in all.
_LOOK_SECONDS = 0.02
# What a program must be kept from, and the sets of layers of which one is enough for that.
_REQUIRED = {
    "other processes": [["processes"], ["calls"], ["container"]],
    "the network and local sockets": [["calls"], ["network", "root"], ["container"]],
    "reading files": [["root"], ["files"], ["container"]],
    "changing files": [["root"], ["files", "calls"], ["container"]],
    "using more memory than the limit in several processes": [["calls"], ["processes"], ["container"]],
}


@dataclass(frozen=True, slots=True)
class ProgramLimits:
    """Resources that one program may use.

    Attributes:
        seconds: Wall time in seconds, from the first line of the program. Default 3.
        memory_mb: Address space of each process in MB, and memory of all processes together. Default 2048.
        file_mb: Size of each file in MB, and of all files together. Default 16.
        processes: Number of processes and threads in addition to the first. Default 16.
        open_files: Number of open files. Default 64.
        refuse_in_python: Use the audit hook in addition to the system, and allow threads but no processes. Default
            True.
    """

    seconds: float = 3.0
    memory_mb: int = 2048
    file_mb: int = 16
    processes: int = 16
    open_files: int = 64
    refuse_in_python: bool = True


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended.

    Attributes:
        status: ``passed`` (it ran to its end), ``failed`` (an exception, or its process died) or ``timeout``.
        detail: The exception, in one line.
        layers: The protections that were active, of ``processes``, ``network``, ``root``, ``disk``, ``user``,
            ``files``, ``calls``, ``python`` and ``container``; SECURITY.md says what each does.
    """

    status: Literal["passed", "failed", "timeout"]
    detail: str = ""
    layers: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether the program ran to its end."""
        return self.status == "passed"


def use_sandbox(kind: str) -> None:
    """Choose how programs run from now on, in all threads of this process, unless a run chooses for itself.

    Args:
        kind: ``strict`` (the start value) runs no program unless this system has all protections; ``available`` goes
            on with those that it has; ``docker`` and ``podman`` run each program in a container, of the image after a
            colon, or else of ``python:X.Y-slim``.

    Raises:
        ConfigError: The kind is unknown.
    """
    _kinds.update(process=sandbox("sandbox", kind), run=None)


def check_sandbox(kind: str | None = None) -> None:
    """Choose how the programs of a run are run, and find out with an empty program whether that works.

    Args:
        kind: As for ``use_sandbox``; None takes what that function chose.

    Raises:
        ConfigError: The system lacks a protection, or there is no container.
        LMEvalError: The process could not be set up.
    """
    _kinds["run"] = kind
    try:
        outcome = run_program("", ProgramLimits(seconds=_START_SECONDS))
    except ConfigError:
        _kinds["run"] = None  # A refused run chooses nothing for programs after it.
        raise
    if not outcome.passed:
        raise LMEvalError(f"An empty program did not run in the sandbox: {outcome.detail or outcome.status}")


def run_program(program: str, limits: ProgramLimits | None = None) -> ProgramResult:
    """Run a Python program.

    Args:
        program: Source of the program.
        limits: Resources that it may use; None takes the defaults.

    Raises:
        ConfigError: The system is not POSIX or lacks a protection, or there is no container.
        LMEvalError: The process could not be set up; this is not the fault of the program.
    """
    if os.name != "posix":
        raise ConfigError("Running generated code needs Linux or macOS; on Windows use WSL.")
    limits = limits or ProgramLimits()
    nonce = secrets.token_hex(16)
    kind = _kinds["run"] or _kinds["process"] or "strict"
    request = marshal.dumps(
        {
            "program": program,
            "nonce": nonce,
            "required": {} if kind == "available" else _REQUIRED,
            "calls": SYSTEM_CALLS,
            "container": kind not in ("strict", "available"),
            **asdict(limits),
        }
    )
    if kind not in ("strict", "available"):
        with containers.started(kind, _RUNNER.read_text(encoding="utf-8"), limits, _START_SECONDS) as process:
            assert process.stdout is not None
            return _watch(process, process.stdout.fileno(), nonce, request, limits, None)
    with tempfile.TemporaryDirectory(prefix="lm-eval-code-", ignore_cleanup_errors=True) as folder:
        ready, writing = os.pipe()
        try:
            process = _start(folder, writing)
        finally:
            os.close(writing)
        with os.fdopen(ready, "rb", buffering=0) as pipe, _killed_at_exit(process):
            return _watch(process, pipe.fileno(), nonce, request, limits, folder)


def run_programs(programs: Sequence[str], limits: ProgramLimits | None = None) -> list[ProgramResult]:
    """Run programs, one per processor at a time; equal programs run once.

    Args:
        programs: Sources of the programs.
        limits: Resources that each may use; None takes the defaults.

    Returns:
        The results in the same order.

    Raises:
        ConfigError: The system is not POSIX.
        LMEvalError: A process could not be set up.
    """
    distinct = list(dict.fromkeys(programs))
    workers = max(1, min(len(distinct), _at_once.get("programs") or os.cpu_count() or 1))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = dict(zip(distinct, pool.map(functools.partial(run_program, limits=limits), distinct), strict=True))
    return [found[program] for program in programs]


def run_one_at_a_time() -> None:
    """Let ``run_programs`` run one program after the other from now on.

    For a process that scores next to others: the limit on a program's time is one of wall time, and with more programs
    than processors a slow program would pass on some days only.
    """
    _at_once["programs"] = 1


def code_eval(
    references: Sequence[str],
    predictions: Sequence[Sequence[str]],
    k: Sequence[int] = (1, 10, 100),
    limits: ProgramLimits | None = None,
) -> dict[str, float]:
    """Score candidate programs by tests, as the metric ``code_eval`` of Hugging Face ``evaluate`` does.

    Args:
        references: The tests of each problem.
        predictions: The candidates of each problem; each candidate and the tests run as one program.
        k: The values of k; values above the number of candidates of some problem are left out.
        limits: Resources that each program may use; None takes the defaults.

    Returns:
        ``pass@k`` for each k, averaged over the problems.

    Raises:
        ConfigError: The system is not POSIX.
        LMEvalError: A process could not be set up.
    """
    pairs = list(zip(references, predictions, strict=True))
    results = iter(run_programs([f"{sample}\n{test}" for test, samples in pairs for sample in samples], limits))
    counts = [(len(samples), sum(next(results).passed for _ in samples)) for _, samples in pairs]
    return {
        f"pass@{size}": sum(pass_at_k(total, correct, size) for total, correct in counts) / len(counts)
        for size in k
        if counts and all(total >= size for total, _ in counts)
    }


def _start(folder: str, writing: int) -> subprocess.Popen[bytes]:
    importlib.import_module("lm_eval.sandbox._code_runner")  # writes its bytecode, if that is not there
    environment = {
        "HOME": folder,
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": os.defpath,
        # With a fixed seed the order of a set of strings, and so the result, is the same in every run.
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TMPDIR": folder,
    }
    if "LD_LIBRARY_PATH" in os.environ:
        environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return subprocess.Popen(
        [sys.executable, "-s", "-B", "-c", _START, str(_RUNNER.parent), str(writing)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writing,),
        start_new_session=True,
    )


@contextmanager
def _killed_at_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process and its process group at the end."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _watch(
    process: subprocess.Popen[bytes], pipe: int, nonce: str, request: bytes, limits: ProgramLimits, folder: str | None
) -> ProgramResult:
    """Send the request and read the reports: ``ready`` with the layers, then ``passed`` or ``failed``."""
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(request)
    reports = _Reports(pipe, nonce)
    kind, text = reports.next(_START_SECONDS)
    names, _, unprotected = text.partition(" ")
    if kind == "open":
        raise ConfigError(_advice(unprotected.split(",")))
    if kind != "ready":
        raise LMEvalError(f"The process for generated code did not start: {text or kind}")
    layers = frozenset(names.split(",")) - {""}
    _warn_once(layers)
    checks: list[Callable[[], str]] = []
    if folder and ("calls" not in layers or not limits.refuse_in_python):
        checks.append(lambda: "memory" if memory_mb(process.pid) > limits.memory_mb else "")
    if folder and "disk" not in layers:
        checks.append(lambda: "files" if size_mb(folder) > limits.file_mb else "")
    kind, text = reports.next(limits.seconds, checks)
    if kind == "passed":
        return ProgramResult("passed", layers=layers)
    if kind == "timeout":
        return ProgramResult("timeout", f"no end after {limits.seconds:g} s", layers)
    if kind == "exceeded":
        bound = limits.memory_mb if text == "memory" else limits.file_mb
        return ProgramResult("failed", f"more than {bound} MB of {text} together", layers)
    return ProgramResult("failed", text or "its process ended before the program did", layers)


class _Reports:
    """The lines of a pipe that start with the nonce."""

    def __init__(self, pipe: int, nonce: str) -> None:
        self._pipe, self._start, self._buffer = pipe, f"{nonce} ".encode(), b""

    def next(self, seconds: float, checks: Sequence[Callable[[], str]] = ()) -> tuple[str, str]:
        """Wait for a line and return its kind and text.

        Args:
            seconds: How long to wait; after that the kind is ``timeout``. It is ``ended`` when no line can come.
            checks: Called again and again; the kind is ``exceeded`` when one returns a text.
        """
        deadline = time.monotonic() + seconds
        look_at = 0.0
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                if line.startswith(self._start):
                    kind, _, text = line[len(self._start) :].decode("utf-8", "replace").partition(" ")
                    return kind, text
                continue
            now = time.monotonic()
            if now >= deadline:
                return "timeout", ""
            # By the clock, because a program may write all the time.
            if checks and now >= look_at:
                look_at = now + _LOOK_SECONDS
                if exceeded := next(filter(None, (check() for check in checks)), ""):
                    return "exceeded", exceeded
            wait = min(deadline - now, _LOOK_SECONDS) if checks else deadline - now
            if not select.select([self._pipe], [], [], wait)[0]:
                continue
            chunk = os.read(self._pipe, 4096)
            # Reports are short, so a longer line without an end comes from the program: keep only its last bytes.
            self._buffer = (self._buffer + chunk)[-8192:]
            if not chunk:
                return "ended", ""


def _advice(unprotected: Sequence[str]) -> str:
    """Return what to do where the system lacks protections."""
    found = [name for name in containers.PROGRAMS if shutil.which(name)]
    container = f"--sandbox {found[0]}" if found else "--sandbox docker (or podman), which is not installed here,"
    return (
        f"This system cannot keep generated code from: {', '.join(unprotected)}. {container} runs it in a container; "
        "--sandbox available goes on without protection against these."
    )


@functools.cache
def _warn_once(layers: frozenset[str]) -> None:
    """Warn once about protections that this system does not have."""
    unprotected = [name for name, ways in _REQUIRED.items() if not any(set(way) <= layers for way in ways)]
    if unprotected:
        eval_logger.warning(
            "Generated code runs with limits, but this system cannot keep it from: %s. The audit hook in Python "
            "is no protection against code that sets out to get past it.",
            ", ".join(unprotected),
        )
