"""Install the reference harness in a separate virtual environment."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import SPEED, BenchmarkError

__all__ = ["VERSION", "default_cache", "find_extra", "find_reference", "task_folder"]

VERSION = "0.4.13"
_SPEED = ("orjson>=3.9", "uvloop>=0.19")
"""The packages of the extra ``speed``."""


def default_cache() -> Path:
    """Return the default folder for the environment, which is kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "lm_eval-benchmarks"


def find_reference(cache: Path) -> str:
    """Find the interpreter of the reference; install the reference if it is missing.

    Args:
        cache: The folder for the environment.

    Returns:
        The path of the interpreter.

    Raises:
        BenchmarkError: The installation failed.
    """
    folder = cache / f"reference-{VERSION}"
    python, done = folder / "bin" / "python", folder / "installed"
    with _locked(cache):
        if done.exists():
            return str(python)
        print(f"Installing lm_eval {VERSION} in {folder} …", file=sys.stderr)
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", f"lm_eval[api]=={VERSION}"],
        ):
            ran = subprocess.run(command, capture_output=True, text=True, timeout=1800)
            if ran.returncode:
                raise BenchmarkError(f"The reference cannot be installed: {ran.stderr[-500:]}")
        done.touch()
        return str(python)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Hold a lock on the cache folder, so that benchmarks that start at the same time install only once."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find_extra(cache: Path) -> Path:
    """Find a folder with the packages of the extra ``speed``; install them if they are missing.

    Args:
        cache: The parent folder.

    Returns:
        The folder.

    Raises:
        BenchmarkError: The installation failed.
    """
    folder = cache / "speed"
    with _locked(cache):
        if not all((folder / name).exists() for name in SPEED):
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *_SPEED]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if ran.returncode:
                raise BenchmarkError(f"{_SPEED} cannot be installed: {ran.stderr[-500:]}")
    return folder


def task_folder(python: str) -> str:
    """Find the task files of the reference.

    Args:
        python: The interpreter of the reference.

    Returns:
        The folder.
    """
    script = "import importlib.util as u; print(u.find_spec('lm_eval').submodule_search_locations[0])"
    ran = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60, cwd="/", check=True)
    return str(Path(ran.stdout.strip()) / "tasks")
