"""Every example runs unchanged, against the mock server."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest

from lm_eval.cli import main
from lm_eval.mock_server import MockServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROOT = EXAMPLES.parent


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def base_url() -> object:
    with MockServer() as server:
        yield server.base_url


def test_the_script_prints_a_table(base_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    scores = _load("simple_evaluate").main(base_url, "mock")
    assert set(scores) == {"capitals", "capitals_generate"}
    assert "|capitals_generate" in capsys.readouterr().out


def test_the_config_file_runs(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    words = ["run", "--config", "examples/run.yaml", "--model_args", f"model=mock,base_url={base_url}"]
    assert main([*words, "--output_path", str(tmp_path)]) == 0
    assert "capitals_generate" in capsys.readouterr().out


@pytest.fixture
def plugin_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the plugin as ``pip install`` would: its package on the path, its entry points in a dist-info folder."""
    pyproject = (EXAMPLES / "custom_plugin" / "pyproject.toml").read_text()
    lines, group = [], ""
    for line in pyproject.splitlines():
        if line.startswith("["):
            group = line.removeprefix('[project.entry-points."').removesuffix('"]') if "entry-points" in line else ""
            lines += [f"[{group}]"] if group else []
        elif group and line:
            lines.append(line.replace('"', ""))
    info = tmp_path / "lm_eval_roman-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lm-eval-roman\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(EXAMPLES / "custom_plugin"), str(ROOT)]))


@pytest.mark.usefixtures("plugin_installed")
def test_the_plugin_is_found_by_its_entry_points(tmp_path: Path) -> None:
    with MockServer(answers={"14 in Roman numerals is": " XIV", "Roman numerals is": " M"}) as server:
        words = ["run", "--model", "local-completions", "--model_args", f"model=mock,base_url={server.base_url}"]
        words += ["--tasks", "roman", "--include_path", str(EXAMPLES / "custom_plugin" / "tasks")]
        ran = subprocess.run(
            [sys.executable, "-m", "lm_eval", *words], capture_output=True, text=True, timeout=120, cwd=tmp_path
        )
    assert ran.returncode == 0, ran.stderr
    assert "|digits|0|within_one|↑|0.1667|" in ran.stdout.replace(" ", "")


def test_the_smoke_test_passes(tmp_path: Path) -> None:
    installed = any(point.name == "lm_eval_mock_server" for point in entry_points(group="pytest11"))
    plugin = "lm_eval_mock_server" if installed else "lm_eval.mock_server.pytest_plugin"
    words = ["-q", "-p", plugin, "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--override-ini", "addopts="]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(EXAMPLES / "ci_smoke_test.py")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
