"""Runs commands and jobs in processes of their own, and measures them."""

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

__all__ = ["ROOT", "BenchmarkError", "Python", "Ran", "run"]

ROOT = Path(__file__).resolve().parents[1]


class BenchmarkError(Exception):
    """Something measured did not run."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished process.

    Attributes:
        started: When it was started, seconds since the epoch.
        seconds: Wall time.
        cpu: CPU time of it and its children, in seconds.
        peak: Its peak resident memory, in MiB.
        out: What it printed.
    """

    started: float
    seconds: float
    cpu: float
    peak: float
    out: str


def run(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, timeout: float = 3600.0) -> Ran:
    """Run a command to its end.

    Args:
        command: The words.
        cwd: Where.
        env: All of its environment.
        timeout: Seconds after which it is killed.

    Returns:
        What it took.

    Raises:
        BenchmarkError: It failed.
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
            # Short enough not to blur what takes a tenth of a second, and idle enough not to disturb it.
            time.sleep(0.002)
        seconds = time.perf_counter() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        printed, said = (_text(file) for file in (out, err))
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{printed[-2000:]}{said[-3000:]}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Ran(started, seconds, usage.ru_utime + usage.ru_stime, peak, printed)


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter that has ``lm_eval``: this package's, or the reference's.

    Attributes:
        path: The interpreter.
        folder: Where its processes run and keep what they keep.
        ours: Whether it is to find this package.
        more: A folder of further packages it is to find.
    """

    path: str
    folder: Path
    ours: bool
    more: Path | None = None

    @property
    def env(self) -> dict[str, str]:
        """The environment of its processes: offline, nothing of the user's own settings, caches in ``folder``."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LM_EVAL", "LMEVAL", "OPENAI_", "HF_", "PYTHON")) and "proxy" not in name.lower()
        }
        own = {
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "LM_HARNESS_CACHE_PATH": str(self.folder / "lm_eval-cache"),
            "NO_PROXY": "127.0.0.1",
        }
        found = [ROOT if self.ours else self._jobs_alone(), *([self.more] if self.more is not None else [])]
        return {**kept, **own, "PYTHONPATH": os.pathsep.join(map(str, found))}

    def _jobs_alone(self) -> Path:
        """Return a folder from which ``benchmarks`` is imported but our ``lm_eval`` is not."""
        folder = self.folder / "path"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "benchmarks").symlink_to(ROOT / "benchmarks", target_is_directory=True)
        return folder

    def command(self, *words: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run ``lm_eval`` with some words.

        Args:
            words: What follows ``lm_eval``.
            env: Further variables.

        Returns:
            What it took.
        """
        return run([self.path, "-m", "lm_eval", *words], self.folder, {**self.env, **(env or {})})

    def job(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a module of ``benchmarks/jobs``.

        Args:
            name: Its name.
            **arguments: What it is to do, JSON-able.

        Returns:
            What it found: the JSON object of its last line, and ``process``, the ``Ran``.
        """
        given = json.dumps({**arguments, "ours": self.ours})
        ran = run([self.path, "-m", f"benchmarks.jobs.{name}", given], self.folder, self.env)
        lines = ran.out.strip().splitlines()
        if not lines:
            raise BenchmarkError(f"The job {name} printed nothing.")
        return {**json.loads(lines[-1]), "process": ran}
