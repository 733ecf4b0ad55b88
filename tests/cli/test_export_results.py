from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.cli.export_results import _FORMATS
from lm_eval.reports.exports import FORMATS
from tests.reports.exports.runs import saved


def test_the_formats_are_those_of_the_package() -> None:
    assert list(_FORMATS) == list(FORMATS)


def test_files_are_printed_and_what_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = saved(tmp_path / "run"), tmp_path / "out"
    assert main(["export-results", str(run.path), "--format", "hub", "--output", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{out / '.eval_results' / 'numbers.yaml'}\n"
    assert "left out: prose: its documents are not a data set on the Hub." in shown.err
    assert shown.err.endswith(f"1 run in {out}\n")


def test_every_run_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        saved(tmp_path / "runs" / name)
    words = ["export-results", str(tmp_path / "runs"), "--format", "every-eval-ever", "--output", str(tmp_path / "out")]
    assert main([*words, "--all", "--tasks", "numbers"]) == 0
    assert capsys.readouterr().err.endswith(f"2 runs in {tmp_path / 'out'}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "inspec"], "invalid choice"),
        ([], "--format"),
        (["--format", "hub", "--tasks", "number"], "Did you mean 'numbers'?"),
        (["--format", "hub", "--evaluator", "me"], "invalid choice"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    saved(tmp_path / "run")
    assert main(["export-results", str(tmp_path / "run"), *words]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.splitlines()) == 1
