"""Run commands and jobs in separate processes, and measure them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "SPEED", "BenchmarkError", "Python", "Ran", "run"]

ROOT = Path(__file__).resolve().parents[1]
SPEED = ("orjson", "uvloop")
"""The packages of the extra ``speed``."""


class BenchmarkError(Exception):
    """A measurement could not run."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished process.

    Attributes:
        started: The time of the start, in seconds since 1970.
        seconds: Wall time.
        cpu: CPU time of the process and its children, in seconds.
        peak: Peak resident memory in MiB.
        out: The text on stdout.
    """

    started: float
    seconds: float
    cpu: float
    peak: float
    out: str


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, timeout: float = 3600.0) -> Ran:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        cwd: The working directory.
        env: The complete environment.
        timeout: Seconds after which the process is killed.

    Returns:
        The finished process.

    Raises:
        BenchmarkError: The exit code is not 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started, clock = time.time(), time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        deadline = clock + timeout
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() > deadline:
                process.kill()
            # Short enough to time a process of 0.1 s, and long enough not to take CPU time from it.
            time.sleep(0.002)
        seconds = time.perf_counter() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout, stderr = (_text(file) for file in (out, err))
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{stdout[-2000:]}{stderr[-3000:]}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Ran(started, seconds, usage.ru_utime + usage.ru_stime, peak, stdout)


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter with an ``lm_eval``: this package or the reference.

    Attributes:
        path: The interpreter.
        folder: The working directory of its processes, which also holds their caches.
        this_package: Whether the interpreter imports this package.
        more: A folder with the packages of the extra ``speed``; None for none.
    """

    path: str
    folder: Path
    this_package: bool
    more: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment of its processes: offline, without the user's settings, with caches in ``folder``."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LM_EVAL", "LMEVAL", "OPENAI_", "HF_", "PYTHON")) and "proxy" not in name.lower()
        }
        changes = {
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "LM_HARNESS_CACHE_PATH": str(self.folder / "lm_eval-cache"),
            "NO_PROXY": "127.0.0.1",
        }
        folders = [ROOT, self.more or self._without_extra()] if self.this_package else [self._jobs_alone()]
        return {**kept, **changes, "PYTHONPATH": os.pathsep.join(map(str, folders))}

    def _without_extra(self) -> Path:
        """Create a folder that hides the packages of the extra ``speed``, which a developer's environment may have."""
        folder = self.folder / "without"
        folder.mkdir(parents=True, exist_ok=True)
        for name in SPEED:
            (folder / f"{name}.py").write_text("raise ImportError\n", encoding="utf-8")
        return folder

    def _jobs_alone(self) -> Path:
        """Create a folder from which ``benchmarks`` can be imported but the ``lm_eval`` of this package cannot."""
        folder = self.folder / "path"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
        return folder

    def command(self, *words: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run ``lm_eval``.

        Args:
            words: The arguments.
            env: Additional environment variables.

        Returns:
            The finished process.
        """
        return run([self.path, "-m", "lm_eval", *words], self.folder, {**self.env, **(env or {})})

    def job(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a module of ``benchmarks/jobs``.

        Args:
            name: The name of the module.
            **arguments: The arguments of the job; values must be JSON.

        Returns:
            The JSON object of the last line on stdout, and under ``process`` the finished process.
        """
        given = json.dumps({**arguments, "this_package": self.this_package})
        ran = run([self.path, "-m", f"benchmarks.jobs.{name}", given], self.folder, self.env)
        lines = ran.out.strip().splitlines()
        if not lines:
            raise BenchmarkError(f"The job {name} printed nothing.")
        return {**json.loads(lines[-1]), "process": ran}
