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
from tests.models.batches.batch_runs import run_batch

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


def test_a_run_that_forgets_its_batches_is_warned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=10)
    with MockServer(batch_ms=HOLD) as server:
        command = words(server.base_url, tasks, tmp_path / "out")[3:]
        assert main([*command, "--batch", "openai", "--batch_lines", "5", "--batch_wait", "0"]) == 6
        assert "under way at the server" not in capsys.readouterr().err.lower()  # the error says it
        assert main(command) == 0
    printed = capsys.readouterr().err
    assert "2 batches of this run under way, and to be paid: batch_000001, batch_000002." in printed


@pytest.mark.parametrize("option", ["--batch_wait", "--batch_lines", "--batch_mb"])
def test_an_option_of_batches_needs_batch(tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = words("http://127.0.0.1:1/v1", tmp_path, tmp_path / "out")[3:]
    assert main([*command, option, "3"]) == 2
    assert f"{option[2:]} needs batch" in capsys.readouterr().err


def test_shards_have_batches_of_their_own(tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=20)
    with MockServer(batch_ms=HOLD) as server:
        assert main(words(server.base_url, tasks, tmp_path / "whole")[3:]) == 0
        server.stats.reset()
        command = [*words(server.base_url, tasks, tmp_path / "parts")[3:], "--batch", "openai"]
        for shard in ("0/2", "1/2"):
            assert main([*command, "--shard", shard, "--batch_wait", "0"]) == 6
        server.batch_ms = 0
        for shard in ("0/2", "1/2"):
            assert main([*command, "--shard", shard]) == 0
        assert [record.path for record in server.requests if record.method == "POST"].count("/v1/batches") == 2
        assert len(lines_paid(server)) == len(set(lines_paid(server))) == 20
    assert main(["merge", str(tmp_path / "parts")]) == 0
    assert differences(saved(tmp_path / "whole"), saved(tmp_path / "parts")) == []


def test_shards_write_files_into_folders_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=20)
    with MockServer() as server:
        assert main(words(server.base_url, tasks, tmp_path / "whole")[3:]) == 0
        command = [*words(server.base_url, tasks, tmp_path / "parts")[3:], "--batch", f"file:{tmp_path / 'files'}"]
        for shard, name in (("0/2", "0000-of-0002"), ("1/2", "0001-of-0002")):
            assert main([*command, "--shard", shard]) == 6
            assert f"files/{name}/requests-0001.jsonl" in capsys.readouterr().out
            assert run_batch(server, tmp_path / "files" / name) == 1
            assert main([*command, "--shard", shard]) == 0
    assert main(["merge", str(tmp_path / "parts")]) == 0
    assert differences(saved(tmp_path / "whole"), saved(tmp_path / "parts")) == []


def test_batches_and_several_processes_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = words("http://127.0.0.1:9/v1", write_tasks(tmp_path / "tasks", requests=10), tmp_path / "out")[3:]
    assert main([*command, "--batch", "openai", "--distribute", "local:2"]) == 2
    assert "--batch and --distribute exclude each other" in capsys.readouterr().err


def test_the_api_of_responses_is_asked_in_batches(tmp_path: Path) -> None:
    tasks = write_tasks(tmp_path / "tasks", requests=20)

    def command(server: MockServer, out: str) -> list[str]:
        given = words(server.base_url, tasks, tmp_path / out)[3:]
        given[given.index("--model") + 1] = "local-responses"
        given[given.index("--tasks") + 1] = "killed_generate_until"
        return [*given, "--apply_chat_template"]

    with MockServer() as server:
        assert main(command(server, "online")) == 0
        server.stats.reset()
        assert main([*command(server, "batches"), "--batch", "openai"]) == 0
        assert server.stats.paid_lines == 4
        assert {record.path for record in server.requests if not record.headers} == {"/v1/responses"}
    assert differences(saved(tmp_path / "online"), saved(tmp_path / "batches")) == []


def test_batch_needs_a_folder_for_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = words("http://127.0.0.1:9/v1", write_tasks(tmp_path / "tasks", requests=10), tmp_path / "out")[3:]
    assert main([*command[: command.index("--output_path")], "--batch", "openai"]) == 2
    assert "--batch needs --output_path" in capsys.readouterr().err
