"""A server, and the demo tasks run on it from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import lm_eval.demo
from lm_eval.mock_server import MockServer

ROOT = Path(__file__).resolve().parents[2]
TASKS = str(Path(lm_eval.demo.__file__).parent / "tasks")


@dataclass(frozen=True)
class Ran:
    """The output and exit code of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


def run_words(base_url: str, *words: str, model: str = "local-completions", name: str = "mock") -> list[str]:
    """Write the command line of a run of demo tasks on a server."""
    return [
        "run",
        "--model",
        model,
        "--model_args",
        f"model={name},base_url={base_url}",
        "--include_path",
        TASKS,
        *words,
    ]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run ``lm_eval`` in a separate process, in an empty folder."""

    def run(*words: str) -> Ran:
        ran = subprocess.run(
            [sys.executable, "-m", "lm_eval", *words],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment(),
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    return run


def environment() -> dict[str, str]:
    """Return the environment of a command: offline, and without the developer's keys."""
    kept = {name: value for name, value in os.environ.items() if name not in {"OPENAI_API_KEY", "LMEVAL_LOG_LEVEL"}}
    return {**kept, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
