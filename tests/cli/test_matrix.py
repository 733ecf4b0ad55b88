from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from lm_eval.cli import main
from tests.reports.matrix.test_best import BAD, GOOD, runs
from tests.reports.matrix.test_layout import index_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    index_of(tmp_path, *runs(a=BAD, b=GOOD))
    return tmp_path / "runs"


def test_the_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["matrix", str(folder)]) == 0
    assert "**1.0000**" in capsys.readouterr().out
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("format", "start"), [("csv", "model,settings,"), ("latex", "\\begin{"), ("html", "<!doctype")]
)
def test_other_formats(folder: Path, capsys: pytest.CaptureFixture[str], format: str, start: str) -> None:
    assert main(["matrix", str(folder), "--format", format]) == 0
    assert capsys.readouterr().out.startswith(start)


def test_it_is_written_to_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "matrix.html"
    assert main(["matrix", str(folder), "--format", "html", "--output", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert out.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tasks", "tt"], "Did you mean 't'?"),
        (["--models", "c"], "Unknown model 'c'"),
        (["--metric", "acx"], "Unknown metric 'acx'"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["matrix", str(folder), *words]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("command", ["matrix", "view"])
def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, str(tmp_path / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_a_folder_without_runs_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", str(tmp_path), "--index", str(tmp_path / "index.sqlite")]) == 2
    assert "No results file" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "results.json").write_text("{")
    assert main(["matrix", str(folder)]) == 0
    assert "left out: results.json" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["x", "-1", "70000"])
def test_a_port_is_a_port(folder: Path, capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert main(["view", str(folder), "--port", port]) == 2
    assert "port" in capsys.readouterr().err


def test_the_viewer_prints_its_address_and_ends_with_ctrl_c(folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "lm_eval", "view", str(folder), "--port", "0", "--index", str(tmp_path / "i.sqlite")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        assert requests.get(f"{url}api/runs", timeout=30).json()["runs"][0]["model"] == "b"
        process.send_signal(2)
        assert process.wait(30) == 0
