from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.cli import main
from tests.fakes import write_tasks


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_tasks(tmp_path))


def test_options_reach_the_page(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "choice", "--doc", "4", "--apply_chat_template", "--include_path", folder]) == 0
    printed = capsys.readouterr().out
    assert "--- prompt of doc 4 of 10, 0 shots ---\n[user]\nWhat is 4 + 1?\n" in printed


def test_the_prompt_can_be_left_out(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "choice", "--no_prompt", "--include_path", folder]) == 0
    assert "---" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gsm9k"], "Did you mean 'gsm8k'"),
        (["gsm8k", "--doc", "-x"], "--doc"),
        (["gsm8k", "--doc", "many"], "--doc takes a whole number"),
        (["gsm8k", "--data_dir", "/no/such/folder"], "there is no folder"),
        ([], "task"),
    ],
)
def test_a_mistake_prints_one_line_and_exits_with_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *words]) == 2
    captured = capsys.readouterr()
    assert said.lower() in captured.err.lower()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
