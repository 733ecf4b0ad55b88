from __future__ import annotations

import json
from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.task_files.scaffold import TYPES

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", TYPES)
def test_a_new_task_is_valid_and_shows_its_first_prompt(kind: str, here: Path, capsys: Captured) -> None:
    assert main(["new", "task", "days", "--type", kind, "--language", "German"]) == 0
    captured = capsys.readouterr()
    assert "How many days does a week have?" in captured.out
    assert "wrote days/days.yaml" in captured.err
    assert sorted(path.name for path in (here / "days").iterdir() if path.suffix) == [
        "README.md",
        "data.jsonl",
        "data.py",
        "days.yaml",
    ]
    assert "languages: [deu]" in (here / "days" / "README.md").read_text()


def test_a_file_of_data_is_copied(here: Path, capsys: Captured) -> None:
    (here / "mine.jsonl").write_text(json.dumps({"q": "2 + 2?", "a": "4"}) + "\n")
    words = ["--dataset", "mine.jsonl", "--question", "Q: {{q}}\\nA:", "--answer", "a", "--dir", "sums"]
    assert main(["new", "task", "sum", *words]) == 0
    assert "Q: 2 + 2?\nA:\n" in capsys.readouterr().out
    assert (here / "sums" / "mine.jsonl").is_file()


def test_a_dataset_of_the_hub_is_named_with_its_config(
    here: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    assert main(["new", "task", "sum", "--dataset", "no-such/data,main", "--split", "dev"]) == 0
    text = (here / "sum" / "sum.yaml").read_text()
    assert "dataset_path: no-such/data\ndataset_name: main\ntest_split: dev\n" in text
    assert "hf download --repo-type dataset no-such/data" in capsys.readouterr().out


def test_a_terminal_is_asked_five_questions(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    asked: list[str] = []
    answers = iter(["", "multiple_choice", "", "", "kor"])

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    assert main(["new", "task", "x"]) == 0
    assert len(asked) == 5
    assert "output_type: multiple_choice" in (here / "x" / "x.yaml").read_text()
    assert "languages: [kor]" in (here / "x" / "README.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a b"], "'a b' is no name of a task"),
        (["x", "--type", "generate"], "Did you mean 'generate_until'?"),
        (["x", "--language", "koren"], "Unknown language 'koren'"),
        (["x", "--dataset", "no.csv"], "There is no file no.csv."),
        (["x", "--dir", "."], "exists and is not an empty folder"),
    ],
)
def test_a_mistake_writes_nothing(words: list[str], said: str, here: Path, capsys: Captured) -> None:
    (here / "file").write_text("")
    assert main(["new", "task", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (here / "x").exists()
