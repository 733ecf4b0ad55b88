"""Runs in batches from the command line: killed at bad moments, left and collected, and through files."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lm_eval.cli.main import main
from lm_eval.mock_server import MockServer
from tests.e2e.conftest import environment
from tests.e2e.killing import differences, finish, saved, words, write_tasks

HOLD = 60_000


def lines_paid(server: MockServer) -> list[str]:
    """The bodies of the lines that were answered, one entry per time."""
    return [record.body_hash for record in server.requests if not record.headers and record.status == 200]


def kill_when(command: list[str], reached: Callable[[], bool]) -> None:
    """Start a command, and kill it when a state is reached."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    while not reached() and process.poll() is None:
        time.sleep(0.005)
    assert process.poll() is None, "the run ended before it was killed"
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_run_that_is_killed_pays_each_line_once_and_saves_the_same_files(tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=50)
    with MockServer(batch_ms=HOLD, batch_faults=["none", "slow=10000"]) as server:
        assert main(words(server.base_url, tasks, tmp_path / "online")[3:]) == 0
        server.stats.reset()
        command = [*words(server.base_url, tasks, tmp_path / "killed"), "--batch", "openai", "--batch_lines", "30"]
        notes = tmp_path / "killed" / ".journal"

        def submitted() -> bool:
            return server.stats.requests["/v1/batches"] == 2

        def half_is_fetched() -> bool:
            return any(True for _ in notes.glob("*.batches/*/replies-0001.jsonl"))

        kill_when(command, submitted)
        server.batch_ms = 10
        kill_when(command, half_is_fetched)
        server.batch_ms = 0
        finish(command)
        assert [record.path for record in server.requests if record.method == "POST"].count("/v1/batches") == 2
        assert len(lines_paid(server)) == len(set(lines_paid(server))) == 50
    assert differences(saved(tmp_path / "online"), saved(tmp_path / "killed")) == []
    assert not list(notes.glob("*"))


def test_a_run_that_does_not_wait_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=10)
    with MockServer(batch_ms=HOLD) as server:
        command = [*words(server.base_url, tasks, tmp_path / "out")[3:], "--batch", "openai"]
        assert main([*command, "--batch_wait", "0"]) == 6
        assert "1 batch with 10 requests under way: batch_000001" in capsys.readouterr().err
        server.batch_ms = 0
        assert main(command) == 0
        assert server.stats.paid_lines == 10


def test_batch_needs_a_folder_for_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = words("http://127.0.0.1:9/v1", write_tasks(tmp_path / "tasks", requests=10), tmp_path / "out")[3:]
    assert main([*command[: command.index("--output_path")], "--batch", "openai"]) == 2
    assert "--batch needs --output_path" in capsys.readouterr().err
