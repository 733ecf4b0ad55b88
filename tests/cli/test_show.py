from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.merge import keys_of
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


@pytest.mark.parametrize("task", ["gsm8k", "truthfulqa_gen", "hellaswag", "ifeval", "mmlu_anatomy"])
def test_the_output_in_a_file_is_a_complete_task_file(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Includes are merged, and functions are found from the other folder; no data is loaded."""
    with (tmp_path / f"{task}.yaml").open("w", encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert main(["show", task]) == 0
        monkeypatch.undo()
    configs = [keys_of(TaskManager(include_path=folders).task_index[task]).data for folders in ([], [str(tmp_path)])]
    assert list(configs[1]) == [key for key in configs[0] if key != "include"]
    assert main(["validate", "--tasks", task, "--include_path", str(tmp_path)]) == 0


def test_faults_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tasks(tmp_path, same="doc_to_text: 'Answer {q} with a word.'\ndoc_to_target: x\n")
    assert main(["show", "same", "--include_path", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "# warning: doc_to_text has {q} as it is; a template needs two braces: {{q}}" in out
    assert "# warning: the prompts of the first" in out


def test_a_folder_and_a_file_with_several_names_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.yaml").write_text("dataset_path: d\ntask_list: [{task: one}, {task: two}]\n")
    for path in (tmp_path, tmp_path / "rows.yaml"):
        assert main(["show", str(path)]) == 0
        shown = capsys.readouterr().out
        assert f"# {path}: 2 tasks and groups" in shown
        assert f"# - one: {tmp_path}/rows.yaml#one" in shown
    assert main(["show", f"{tmp_path}/rows.yaml#two", "--no_prompt"]) == 0
    assert capsys.readouterr().out.startswith("# two: task")


def test_a_group_in_a_format_shows_what_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "truthfulqa@generate"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# truthfulqa@generate: 3 tasks; 1 cannot be asked in this format and stay as they are")
    assert "- truthfulqa_gen\n" in shown
    assert "- truthfulqa_mc1@generate" in shown
    assert main(["show", "lambada@generate"]) == 2
    assert "none of its tasks can be asked as generate" in capsys.readouterr().err
