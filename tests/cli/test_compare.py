from __future__ import annotations

import json
from pathlib import Path

import pytest

from lm_eval.cli import main
from tests.reports.saved_runs import docs, save


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    a = save(tmp_path / "a" / "m", {"t": docs([1] * 40 + [0] * 60), "u": docs([1] * 100)})
    b = save(tmp_path / "b" / "m", {"t": docs([1] * 20 + [0] * 80), "u": docs([1] * 100)})
    return [str(a.parent), str(b)]


def test_the_table_is_printed(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *folders]) == 0
    captured = capsys.readouterr()
    assert "t acc" in captured.out and "worse: t acc" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--fail_if_worse", "0.05"], 1),
        (["--fail_if_worse", "0.5"], 0),
        (["--fail_if_worse", "0.01", "--tasks", "u"], 1),
        (["--fail_if_worse", "0.01", "--tasks", "u", "--undecided", "pass"], 0),
        (["--fail_if_worse", "0.05", "--tasks", "u,u"], 0),
    ],
)
def test_the_gate_decides_the_exit_code(folders: list[str], words: list[str], code: int) -> None:
    assert main(["compare", *folders, *words]) == code


def test_json_goes_to_stdout_and_the_gate_to_stderr(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *folders, "--format", "json", "--fail-if-worse", "0.05"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["gate"]["passed"] is False
    assert captured.err.startswith("Gate FAILED")


def test_a_file_is_written(folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "diff.md"
    assert main(["compare", *folders, "--format", "markdown", "--output", str(file), "--metric", "acc"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert "| t | acc | none | 100 |" in file.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "tt"], "Unknown task of these runs 'tt'"),
        (["--flips", "-1"], "must be a whole number, 0 or more"),
        (["--flips", "few"], "must be a whole number, 0 or more, not 'few'"),
        (["--fail_if_worse", "-1"], "the largest accepted drop"),
        (["--format", "html"], "html"),
        (["--output", "/dev/null/x"], "cannot be written"),
    ],
)
def test_a_mistake_prints_one_line_and_exits_with_2(
    folders: list[str], words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *folders, *words]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert said in captured.err


def test_a_missing_folder_is_a_mistake(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", folders[0], "/nowhere"]) == 2
    assert "no folder or file /nowhere" in capsys.readouterr().err
