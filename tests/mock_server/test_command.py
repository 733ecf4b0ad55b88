from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.mock_server.command import add_arguments, run

from .helpers import get


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_prints_one_line_when_ready_and_exits_cleanly(ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "lm_eval.mock_server", "--port", "0", "--profile", "llamacpp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("mock server (llamacpp), model 'mock': http://127.0.0.1:")
        assert get(line.split()[-1].removesuffix("/v1") + "/health") == {"status": "ok"}
        server.send_signal(ending)
        rest, errors = server.communicate(timeout=20)
        assert (server.returncode, rest, errors) == (0, "", "")


def test_a_mistake_prints_one_line_and_exits_with_2() -> None:
    command = [sys.executable, "-m", "lm_eval.mock_server", "--fault", "429-retry:0.1"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert len(found.stderr.splitlines()) == 1
    assert "429-retry-after" in found.stderr


@pytest.mark.parametrize("port", [99999, -1])
def test_a_port_that_does_not_exist_is_named(port: int) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}: .*0-65535"):
        run(parser.parse_args([f"--port={port}"]))


def test_answers_must_be_an_object_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text('{"a": 1}')
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(ConfigError, match="object of texts"):
        run(parser.parse_args(["--answers", str(path)]))


def test_options_have_help(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.print_help()
    assert "--latency-ms" in capsys.readouterr().out
