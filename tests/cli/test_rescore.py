from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval.cli import exit_codes
from lm_eval.cli.main import main
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.results import load_all
from tests.e2e.conftest import environment
from tests.fakes import FakeLM, write_tasks


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with a run of two tasks, and their files in ``tasks``."""
    (tmp_path / "tasks").mkdir()
    write_tasks(tmp_path / "tasks")
    lm = FakeLM(lambda prompt: "1", lose=lambda instance: instance.doc_id == 9 and instance.task_name == "rolling")
    tracker = EvaluationTracker(tmp_path / "out")
    tasks = ["generate", "rolling"]
    results = simple_evaluate(
        lm, tasks=tasks, include_path=tmp_path / "tasks", bootstrap_iters=0, max_errors=1, evaluation_tracker=tracker
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results, samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task, rows)
    return tmp_path


def words(saved: Path, *more: str) -> list[str]:
    return ["rescore", str(saved / "out"), "--include_path", str(saved / "tasks"), "--verbosity", "ERROR", *more]


def test_it_prints_the_table_and_that_nothing_changed(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(saved)) == exit_codes.OK
    printed = capsys.readouterr().out
    assert "|generate|" in printed.replace(" ", "")
    assert printed.splitlines()[-1].startswith("No score differs from results_")


def test_it_prints_the_changes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved / "tasks" / "generate.yaml"
    file.write_text(file.read_text().replace("'{{n}}'", "'1'"))
    main(words(saved))
    assert "  generate exact_match,none: 0.1000 → 1.0000" in capsys.readouterr().out.splitlines()


def test_it_saves_next_to_the_run(saved: Path) -> None:
    main(words(saved))
    first, second = load_all(saved / "out")
    assert second.results["config"]["rescored_from"]["file"] == first.path.name
    assert {task: file.parent for task, file in second.sample_files.items()} == {
        "generate": first.path.parent,
        "rolling": first.path.parent,
    }


def test_it_saves_in_another_folder_and_as_parquet(saved: Path) -> None:
    main(words(saved, "--tasks", "generate", "--output_path", str(saved / "new"), "--output_format", "parquet"))
    assert sorted(file.suffix for file in (saved / "new").rglob("*.*") if file.is_file()) == [".json", ".parquet"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--tasks", "genrate"], "Did you mean 'generate'"),
        (["--output_format", "csv"], "jsonl or parquet"),
        (["--include_path", "absent"], "there is no folder 'absent'"),
    ],
)
def test_a_mistake_prints_one_line_and_exits_with_2(
    saved: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(saved, *more)) == exit_codes.MISTAKE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_neither_datasets_nor_the_engine_is_imported(saved: Path) -> None:
    program = (
        "import sys\nfrom lm_eval.cli.main import main\n"
        f"assert main({words(saved)!r}) == 0\n"
        "print([name for name in ('datasets', 'aiohttp', 'requests') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment(), cwd=saved
    )
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["[]"]), ran.stderr
