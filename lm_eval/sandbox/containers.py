"""Programs of a model in containers of Docker or Podman, one container for each program."""

from __future__ import annotations

import functools
import logging
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from lm_eval.errors import ConfigError

__all__ = ["PROGRAMS", "forget_images", "started"]

eval_logger = logging.getLogger("lm_eval")

PROGRAMS = ("docker", "podman")
"""The programs that can run containers."""

_PULL_SECONDS = 1800.0


class _Limits(Protocol):
    @property
    def seconds(self) -> float: ...
    @property
    def memory_mb(self) -> int: ...
    @property
    def file_mb(self) -> int: ...
    @property
    def processes(self) -> int: ...


@contextmanager
def started(kind: str, runner: str, limits: _Limits, start_seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """Start a container without network and rights, and remove it at the end.

    Args:
        kind: ``docker`` or ``podman``, with the image after a colon.
        runner: Source of the script that runs in it.
        limits: Resources that the container may use.
        start_seconds: Time in seconds that the start may take.

    Yields:
        The process, whose standard input and output are those of the script.

    Raises:
        ConfigError: Containers cannot be started, or the image cannot be fetched.
    """
    program, _, image = kind.partition(":")
    image = image or f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
    _fetch(program, image)
    name = f"lm-eval-code-{secrets.token_hex(8)}"
    container = [program, "run", "--rm", "--interactive", "--pull=never", f"--name={name}", *_options(limits), image]
    # The container ends on its own, should this process be killed.
    bounded = ["timeout", "-s", "KILL", f"{limits.seconds + start_seconds:.0f}"]
    process = subprocess.Popen(
        [*container, *bounded, "python", "-s", "-B", "-c", runner, "stdout"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # Killing the client would leave the container behind.
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([program, "rm", "--force", name], capture_output=True, timeout=60)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def _options(limits: _Limits) -> list[str]:
    environment = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # With a fixed seed the order of a set of strings, and so the result, is the same in every run.
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TMPDIR": "/tmp",
    }
    # Only the first process counts in addition to those that the limit allows: timeout waits in front of Python.
    return [
        "--network=none",
        "--read-only",
        f"--tmpfs=/tmp:rw,nosuid,nodev,size={limits.file_mb}m,mode=1777",
        "--workdir=/tmp",
        "--user=65534:65534",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--ipc=none",
        f"--memory={limits.memory_mb}m",
        f"--memory-swap={limits.memory_mb}m",
        f"--pids-limit={limits.processes + 2}",
        *(f"--env={name}={value}" for name, value in environment.items()),
    ]


@functools.cache
def _fetch(program: str, image: str) -> None:
    """Fetch an image unless it is there.

    Raises:
        ConfigError: The program is missing or does not work, or the image cannot be fetched.
    """
    if shutil.which(program) is None:
        raise ConfigError(f"--sandbox {program}: there is no program {program!r} on this system.")
    try:
        if subprocess.run([program, "image", "inspect", image], capture_output=True, timeout=60).returncode == 0:
            return
        eval_logger.info("Fetching the image %s for generated code.", image)
        pulled = subprocess.run([program, "pull", image], capture_output=True, timeout=_PULL_SECONDS, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"--sandbox {program}: {error}") from error
    if pulled.returncode:
        reason = " ".join(pulled.stderr.split())[-300:] or f"exit code {pulled.returncode}"
        raise ConfigError(f"--sandbox {program}: the image {image} cannot be fetched: {reason}")


def forget_images() -> None:
    """Look again for each program and image before its next use."""
    _fetch.cache_clear()
