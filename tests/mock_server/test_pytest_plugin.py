from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from lm_eval.mock_server import MockServer

from .helpers import get

TEST_OF_ANOTHER_PROJECT = """
import requests

def test_factory(mock_server):
    one, two = mock_server(), mock_server(profile="llamacpp")
    assert one.port != two.port
    assert requests.get(one.base_url + "/models", timeout=10).status_code == 200

def test_shared(mock_server_url):
    assert requests.get(mock_server_url + "/models", timeout=10).status_code == 200
"""


def test_the_fixtures_work_in_another_project(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TEST_OF_ANOTHER_PROJECT)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "lm_eval.mock_server.pytest_plugin", str(tmp_path)]
    options = ["-c", "/dev/null", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    found = subprocess.run(
        [*command, *options],
        cwd=root,
        # Other installed plugins only take time here.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_servers_stop_after_the_test(mock_server: Callable[..., MockServer], mock_server_url: str) -> None:
    assert get(f"{mock_server().base_url}/models")["data"][0]["id"] == "mock"
    assert get(f"{mock_server_url}/models")["data"][0]["id"] == "mock"
