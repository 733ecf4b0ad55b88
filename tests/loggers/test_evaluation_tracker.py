from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError, SavingError
from lm_eval.loggers import EvaluationTracker
from lm_eval.results import load

SAMPLES: list[dict[str, Any]] = [
    {
        "doc_id": 0,
        "doc": {"q": "é"},
        "arguments": [("prompt", " a"), ("prompt", " b")],
        "resps": [[(-1.5, True)], [(-2.0, False)]],
        "doc_hash": "d",
        "prompt_hash": "p",
        "target_hash": "t",
        "acc": 1.0,
    }
]


def results() -> dict[str, Any]:
    return {
        "results": {"t": {"acc,none": 0.5}},
        "config": {"model": "local-completions", "model_args": {"model": "org/m", "api_key": "s3cret"}},
        "samples": {"t": SAMPLES},
    }


def save(output_path: Path) -> EvaluationTracker:
    tracker = EvaluationTracker(output_path=output_path)
    tracker.save_results_aggregated(results(), {"t": SAMPLES})
    tracker.save_results_samples("t", SAMPLES)
    return tracker


def names(folder: Path) -> list[str]:
    """List the files, their time as TIME."""
    time = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6}"
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(re.sub(time, "TIME", str(file.relative_to(folder))) for file in files)


def test_files_under_a_folder(tmp_path: Path) -> None:
    save(tmp_path)
    assert names(tmp_path) == ["org__m/results_TIME.json", "org__m/samples_t_TIME.jsonl"]


def test_files_next_to_a_json_path(tmp_path: Path) -> None:
    save(tmp_path / "deep" / "run.json")
    assert names(tmp_path) == ["deep/run_TIME.json", "deep/samples_t_TIME.jsonl"]


def test_results_and_samples_carry_the_same_time(tmp_path: Path) -> None:
    first, second = (re.sub(r".*?_(\d{4}-.*)\.jsonl?$", r"\1", path.name) for path in save(tmp_path).saved)
    assert first == second


def test_results_hold_no_samples_and_no_secrets(tmp_path: Path) -> None:
    text = save(tmp_path).saved[0].read_text()
    read = json.loads(text)
    assert "samples" not in read
    assert "s3cret" not in text
    assert read["model_name_sanitized"] == "org__m"
    assert len(read["task_hashes"]["t"]) == 64


def test_parquet_gives_the_same_samples_as_json_lines(tmp_path: Path) -> None:
    read = []
    for output_format in ("jsonl", "parquet"):
        tracker = EvaluationTracker(output_path=tmp_path / output_format, output_format=output_format)
        tracker.save_results_aggregated(results(), {"t": SAMPLES})
        tracker.save_results_samples("t", SAMPLES)
        read.append(load(tmp_path / output_format).samples("t"))
    assert tracker.saved[1].suffix == ".parquet"
    assert read[0] == read[1]


def test_an_unknown_format_of_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="output_format takes jsonl or parquet, not 'csv'"):
        EvaluationTracker(output_path=tmp_path, output_format="csv")


def test_samples_name_their_arguments(tmp_path: Path) -> None:
    (line,) = save(tmp_path).saved[1].read_text(encoding="utf-8").splitlines()
    sample = json.loads(line)
    assert sample["arguments"] == {
        "gen_args_0": {"arg_0": "prompt", "arg_1": " a"},
        "gen_args_1": {"arg_0": "prompt", "arg_1": " b"},
    }
    assert (sample["resps"], sample["doc"]) == ([[[-1.5, True]], [[-2.0, False]]], {"q": "é"})


def test_a_task_name_is_turned_into_a_file_name(tmp_path: Path) -> None:
    tracker = save(tmp_path)
    tracker.save_results_samples("group::t/x", SAMPLES)
    assert "org__m/samples_group__t_x_TIME.jsonl" in names(tmp_path)


def test_without_an_output_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracker = EvaluationTracker()
    tracker.save_results_aggregated(results(), {"t": SAMPLES})
    tracker.save_results_samples("t", SAMPLES)
    assert (tracker.journal_path("k"), list(tmp_path.iterdir())) == (None, [])


def test_the_journal_is_deleted_when_all_is_saved(tmp_path: Path) -> None:
    tracker = EvaluationTracker(output_path=tmp_path)
    journal = tracker.journal_path("key")
    assert journal is not None
    journal.parent.mkdir()
    journal.touch()
    tracker.finish({"errors": {"lost": 0}})
    assert list(tmp_path.iterdir()) == []


def test_the_journal_stays_while_docs_are_lost(tmp_path: Path) -> None:
    tracker = EvaluationTracker(output_path=tmp_path / "run.json")
    journal = tracker.journal_path("key")
    assert journal is not None
    journal.parent.mkdir()
    journal.touch()
    tracker.finish({"errors": {"lost": 2}})
    assert journal.exists()


def test_the_run_can_be_described_in_advance(tmp_path: Path) -> None:
    tracker = EvaluationTracker(output_path=tmp_path)
    tracker.general_config_tracker.log_experiment_args("local-completions", "pretrained=a/b,x=1", "be brief", None)
    tracker.save_results_aggregated(results())
    assert names(tmp_path) == ["a__b/results_TIME.json"]
    assert tracker.general_config_tracker.system_instruction_sha is not None


def with_journal(output_path: Path) -> tuple[EvaluationTracker, Path]:
    """Return a tracker of a run that has kept answers, and the file with them."""
    tracker = EvaluationTracker(output_path=output_path)
    journal = tracker.journal_path("key")
    assert journal is not None
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_text("answers")
    return tracker, journal


def test_one_call_saves_everything_and_deletes_the_journal(tmp_path: Path) -> None:
    tracker, _ = with_journal(tmp_path)
    saved = tracker.save(results())
    assert saved == tracker.saved
    assert names(tmp_path) == ["org__m/results_TIME.json", "org__m/samples_t_TIME.jsonl"]
    assert not (tmp_path / ".journal").exists()


def test_saving_results_and_samples_one_by_one_deletes_the_journal_at_the_end(tmp_path: Path) -> None:
    tracker, journal = with_journal(tmp_path)
    tracker.save_results_aggregated(results(), {"t": SAMPLES, "u": SAMPLES})
    tracker.save_results_samples("t", SAMPLES)
    assert journal.exists()
    tracker.save_results_samples("u", SAMPLES)
    assert not (tmp_path / ".journal").exists()


def test_saving_without_samples_deletes_the_journal(tmp_path: Path) -> None:
    tracker, _ = with_journal(tmp_path)
    tracker.save_results_aggregated(results())
    assert not (tmp_path / ".journal").exists()


@pytest.mark.parametrize("place", ["notes.txt", "notes.txt/out", "notes.txt/run.json", "n" * 300, "n" * 300 + "/out"])
def test_a_place_where_nothing_can_be_saved_is_named_before_the_run(tmp_path: Path, place: str) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SavingError, match="cannot be written: "):
        EvaluationTracker(tmp_path / place).journal_path("key")


def test_a_folder_that_is_not_there_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "a" / "b", "a/b", "run.json", "."):
        assert EvaluationTracker(place).journal_path("key") is not None
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_is_set_aside_is_not_resumed_and_deleted_by_saving(tmp_path: Path) -> None:
    tracker, journal = with_journal(tmp_path)
    tracker.set_aside(results())
    assert not journal.exists()
    tracker.save(results())
    assert not (tmp_path / ".journal").exists()


def test_a_journal_with_lost_docs_is_not_set_aside(tmp_path: Path) -> None:
    tracker, journal = with_journal(tmp_path)
    tracker.set_aside({"errors": {"lost": 1}})
    assert journal.exists()


@pytest.mark.parametrize("failing", ["results_", "samples_"])
def test_a_full_disk_while_saving_keeps_the_answers_and_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    save(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    tracker, journal = with_journal(tmp_path)
    tracker.set_aside(results())
    replace = os.replace

    def full(source: str, target: Path) -> None:
        if Path(target).name.startswith(failing):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SavingError, match=r"_.* cannot be written: No space left on device\.$"):
        tracker.save(results())
    assert journal.read_text() == "answers"
    assert not list(tmp_path.rglob("*.tmp"))
    assert all(file.read_bytes() == content for file, content in before.items())
