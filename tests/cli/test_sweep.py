"""``lm_eval sweep`` with real runs in processes of their own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import yaml

from lm_eval.cli import main
from lm_eval.mock_server import MockServer
from lm_eval.results import load_all
from tests.fakes import write_tasks


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_an_endpoint_that_is_away_stops_its_runs_only_and_the_same_command_completes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tasks(tmp_path)
    port = free_port()
    path, out = tmp_path / "sweep.yaml", tmp_path / "out"
    with MockServer() as server:
        models = {
            name: {"model": "local-completions", "model_args": {"model": "mock", "base_url": url, "max_retries": 0}}
            for name, url in (("up", server.base_url), ("away", f"http://127.0.0.1:{port}/v1"))
        }
        given = {"output_path": str(out), "include_path": str(tmp_path), "models": models, "tasks": ["generate"]}
        path.write_text(yaml.safe_dump({**given, "settings": {"limit": [2]}}))
        assert main(["sweep", str(path), "--dry_run"]) == 0
        bill = capsys.readouterr().out
        assert "| up | generate | limit=2 | 2 | 2 |" in bill
        assert "| all |  |  | 4 | 4 |" in bill
        assert not out.exists()
        assert main(["sweep", str(path)]) == 3
        printed = capsys.readouterr()
        assert "up generate limit=2: done" in printed.err
        assert "away generate limit=2: failed" in printed.err
        assert "2 runs in" in printed.out
        with MockServer(port=port) as other:
            assert main(["sweep", str(path)]) == 0
            assert other.requests
    printed = capsys.readouterr()
    assert "up generate limit=2: was done" in printed.err
    assert {run.path.relative_to(out).parts[0] for run in load_all(out)} == {"up", "away"}


def test_a_file_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep"]) == 2
    assert "Name the file of the sweep" in capsys.readouterr().err
