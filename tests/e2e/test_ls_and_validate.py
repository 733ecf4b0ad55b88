from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.cli import main
from tests.e2e.conftest import TASKS


@pytest.mark.parametrize(
    ("kind", "name", "there"),
    [
        ("tasks", "demo_prose", True),
        ("tasks", "demo", True),
        ("subtasks", "demo_prose", True),
        ("subtasks", "demo", False),
        ("tags", "demo", True),
        ("groups", "mmlu", True),
        ("groups", "demo_prose", False),
    ],
)
def test_ls_prints_one_name_per_line(kind: str, name: str, there: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", kind, "--include_path", TASKS]) == 0
    assert (name in capsys.readouterr().out.splitlines()) is there


def test_ls_lists_tasks_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    main(["ls"])
    assert "gsm8k" in capsys.readouterr().out.splitlines()


def test_valid_task_files_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--tasks", "demo_*", "--include_path", TASKS]) == 0
    assert capsys.readouterr().out == ""


def test_a_faulty_task_file_prints_one_line_and_exits_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text("task: bad\ndataset_path: json\ntest_splitt: test\n")
    assert main(["validate", "--tasks", "bad", "--include_path", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "bad" in line
    assert "test_split" in line


def test_an_unknown_task_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--tasks", "gsm8kk"]) == 2
    assert "Did you mean 'gsm8k'" in capsys.readouterr().err


def test_task_files_are_validated_by_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, part = (tmp_path / name for name in ("good.yaml", "bad.yaml", "part.yaml"))
    good.write_text("task: good\ndataset_path: json\ntest_split: test\ndoc_to_text: q\ndoc_to_target: a\n")
    bad.write_text("task: bad\ndataset_path: json\ntest_splitt: test\n")
    part.write_text("dataset_path: json\n")
    assert main(["validate", str(good)]) == 0
    assert main(["validate", "gsm8k", "--tasks", str(good)]) == 0
    capsys.readouterr()
    assert main(["validate", str(good), str(bad), str(part)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [str(file) in line for file, line in zip((part, bad), lines, strict=True)] == [True, True]
    assert main(["validate", str(tmp_path / "none.yaml")]) == 2
    assert main(["validate"]) == 2


def test_the_family_and_the_output_type_of_the_documentation_list_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--family", "glue", "--output_type", "multiple_choice"]) == 0
    assert "cola" in capsys.readouterr().out.splitlines()
