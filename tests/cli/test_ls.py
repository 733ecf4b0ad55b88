from __future__ import annotations

import json
from pathlib import Path

import pytest

from lm_eval.cli import main
from tests.fakes import write_tasks

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_tasks(tmp_path, **{"a_rather_long_name_of_a_task_" + "x" * 30: "doc_to_text: q\n"}))


def out(folder: str, captured: Captured, *words: str) -> list[str]:
    assert main(["ls", *words, "--include_path", folder]) == 0
    return captured.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["rolling", "choice", "--family", "test_*"], ["choice", "rolling"]),
        (["subtasks", "gen*e", "--family", "test_*"], ["generate"]),
        (["--output_type", "loglikelihood_rolling", "--family", "test_*"], ["rolling"]),
    ],
)
def test_names_that_fit_are_printed(words: list[str], found: list[str], folder: str, capsys: Captured) -> None:
    assert out(folder, capsys, *words) == found


def test_the_table_has_titles_and_fits(folder: str, capsys: Captured) -> None:
    lines = out(folder, capsys, "--family", "test_*", "--long")
    assert lines[0].split() == ["name", "kind", "output", "type", "dataset", "file"]
    assert max(map(len, lines)) <= 100


def test_built_in_tables_fit_100_columns(capsys: Captured) -> None:
    main(["ls", "--long"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_json_holds_all(folder: str, capsys: Captured) -> None:
    main(["ls", "gsm8k_cot", "--json"])
    items = json.loads(capsys.readouterr().out)
    assert items[0]["output_type"] == "generate_until"
    assert items[0]["source"] == "gsm8k/gsm8k_cot.yaml"


def test_the_count_goes_to_stderr(capsys: Captured) -> None:
    main(["ls", "groups", "mmlu"])
    captured = capsys.readouterr()
    assert captured.err == f"{len(captured.out.splitlines())} groups\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gsm9k"], "lm_eval: no tasks match 'gsm9k'. Did you mean 'gsm8k'?\n"),
        (["groups", "--output_type", "generate_until"], "lm_eval: no groups --output_type generate_until.\n"),
    ],
)
def test_no_match_prints_one_line_and_exits_with_1(words: list[str], said: str, capsys: Captured) -> None:
    assert main(["ls", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(said[:-2])
    assert captured.err.count("\n") == 1


def test_an_unknown_family_is_a_mistake(capsys: Captured) -> None:
    assert main(["ls", "--family", "gleu"]) == 2
    assert "Did you mean 'glue'" in capsys.readouterr().err
