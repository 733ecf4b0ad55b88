from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.runs import index as index_module
from lm_eval.reports.runs.documents import Documents
from lm_eval.results import load
from lm_eval.results.parquet import write_samples
from tests.reports.saved_runs import docs, save

LATER = "2026-01-02T10-00-00.000001"


def opened(folder: Path) -> RunIndex:
    index = RunIndex(folder, folder.parent / "index.sqlite")
    index.refresh()
    return index


def changed(file: Path, **more: Any) -> None:
    content = {**json.loads(file.read_text()), **more}
    file.write_text(json.dumps(content))
    os.utime(file, ns=(1, file.stat().st_mtime_ns + 1_000_000))


def test_runs_are_found_at_any_depth_the_newest_first(tmp_path: Path) -> None:
    save(tmp_path / "runs" / "a", {"t": docs([1, 0])})
    save(tmp_path / "runs" / "b" / "deep", {"t": docs([1, 1])}, time=LATER, model_name="org/n")
    index = opened(tmp_path / "runs")
    assert [(run.model, run.path) for run in index.runs] == [
        ("org/n", f"b/deep/results_{LATER}.json"),
        ("org/m", "a/results_2026-01-01T10-00-00.000001.json"),
    ]
    score = index.runs[1].scores[0]
    assert (score.task, score.key, score.value) == ("t", "acc,none", 0.5)


def test_a_results_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "runs", {"t": docs([1, 0])})
    first = opened(tmp_path / "runs")
    first.close()
    monkeypatch.setattr(index_module, "read_run", lambda *given: pytest.fail("read again"))
    again = opened(tmp_path / "runs")
    assert again.runs == first.runs


def test_a_look_sees_what_came_changed_and_went(tmp_path: Path) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1, 0])})
    index = opened(folder)
    assert not index.refresh()
    save(folder, {"t": docs([1, 1])}, time=LATER)
    assert index.refresh()
    assert len(index.runs) == 2
    changed(folder / f"results_{LATER}.json", model_name="org/other")
    assert index.refresh()
    assert [run.model for run in index.runs] == ["org/other", "org/m"]
    (folder / f"results_{LATER}.json").unlink()
    assert index.refresh()
    assert [run.model for run in index.runs] == ["org/m"]


def test_samples_that_are_written_after_their_results_file_are_found(tmp_path: Path) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1, 0])}, log_samples=False)
    save(folder, {"u": docs([1])}, time=LATER)
    index = opened(folder)
    run = next(run for run in index.runs if "t" in run.tasks)
    assert index.sample_files(run.key) == {}
    save(folder, {"t": docs([1, 0])})
    index.refresh()
    assert [sample.doc_id for sample in index.run(run.key).read("t")] == [0, 1]


def test_a_file_that_is_no_results_file_is_a_problem_of_its_own(tmp_path: Path) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1])})
    (folder / f"results_{LATER}.json").write_text("{")
    (folder / "results.json").write_text("[]")
    index = opened(folder)
    assert len(index.runs) == 1
    assert sorted(index.problems) == ["results.json", f"results_{LATER}.json"]


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\0" * 500])
def test_a_damaged_index_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "index.sqlite").write_bytes(content)
    save(tmp_path / "runs", {"t": docs([1])})
    assert len(opened(tmp_path / "runs").runs) == 1


def test_without_a_place_for_the_index_it_is_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    save(tmp_path / "runs", {"t": docs([1])})
    index = RunIndex(tmp_path / "runs", tmp_path / "file" / "index.sqlite")
    index.refresh()
    assert len(index.runs) == 1


def test_a_key_lasts_and_another_is_not_there(tmp_path: Path) -> None:
    save(tmp_path / "runs", {"t": docs([1])})
    first, again = (RunIndex(tmp_path / "runs", tmp_path / name) for name in ("a.sqlite", "b.sqlite"))
    first.refresh()
    again.refresh()
    assert first.runs[0].key == again.runs[0].key
    for key in ("", "../runs", "0" * 12):
        with pytest.raises(UnknownNameError):
            first.run(key)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no folder"):
        RunIndex(tmp_path / "nowhere", tmp_path / "index.sqlite")


def test_settings_tell_runs_apart_and_hold_no_secret(tmp_path: Path) -> None:
    start = "Answer as a person would who " + "thinks " * 20
    config = {
        "gen_kwargs": {"temperature": 0},
        "model_args": "model=m,base_url=http://h,api_key=sk-abcdefghijklmnop,max_gen_toks=64",
        "apply_chat_template": False,
    }
    folder = save(tmp_path / "runs", {"t": docs([1])}, config={**config, "system_instruction": f"{start}a"})
    save(folder, {"t": docs([1])}, config={**config, "system_instruction": f"{start}b"}, time=LATER)
    two, one = (dict(run.settings) for run in opened(folder).runs)
    assert one["gen_kwargs.temperature"] == "0"
    assert one["max_gen_toks"] == "64"
    assert "apply_chat_template" not in one
    assert "sk-abcdefghijklmnop" not in str(one)
    assert one["system_instruction"] != two["system_instruction"]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_sample_is_found_without_reading_the_others(tmp_path: Path, suffix: str) -> None:
    lines = docs([1, 0, 1], target="é\u2028 🙂") + docs([0, 0, 1], filter="other")
    folder = save(tmp_path / "runs", {"t": lines})
    file = next(folder.glob("samples_t_*.jsonl"))
    file.write_bytes(file.read_bytes().replace(b"\n", b"\n\n", 1))
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
        with file.with_suffix(".parquet").open("wb") as out:
            write_samples(out, lines)
        file.unlink()
        file = file.with_suffix(".parquet")
    index = opened(folder)
    found = index.documents(file).samples("1")
    assert [(sample.doc_id, sample.filter, sample.target) for sample in found] == [
        (1, "none", "é\u2028 🙂"),
        (1, "other", "yes"),
    ]
    assert index.documents(file).ids == ["0", "1", "2"]
    assert index.documents(file).samples("9") == []


def test_samples_of_the_index_have_what_pairs_and_tests_need(tmp_path: Path) -> None:
    lines = docs([1, 0], cluster="c")
    lines[1] |= {"error": {"kind": "timeout", "message": "slow"}, "metrics": [], "acc": None}
    index = opened(save(tmp_path / "runs", {"t": lines}))
    whole = list(load(tmp_path / "runs").read("t"))
    short = list(index.indexed(index.runs[0].key).read("t"))
    for one, other in zip(whole, short, strict=True):
        assert (one.doc_id, one.filter, one.cluster, one.is_lost) == (
            other.doc_id,
            other.filter,
            other.cluster,
            other.is_lost,
        )
        assert one.number("acc") == other.number("acc")
    assert short[0].doc is None
    assert short[0].prompt_hash != short[1].prompt_hash


def test_documents_are_kept_until_their_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1, 0])})
    file = next(folder.glob("samples_*"))
    opened(folder).documents(file)
    read: list[Path] = []
    plain = Documents.read

    def noted(place: Path) -> Documents:
        read.append(place)
        return plain(place)

    monkeypatch.setattr(Documents, "read", noted)
    index = opened(folder)
    assert index.documents(file).ids == ["0", "1"]
    assert read == []
    save(folder, {"t": docs([1, 0, 1])})
    assert index.documents(file).ids == ["0", "1", "2"]
    assert read == [file]


def test_a_broken_line_says_where_it_is(tmp_path: Path) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1])})
    file = next(folder.glob("samples_*"))
    file.write_bytes(file.read_bytes() + b'{"doc_id": 1, "ta')
    with pytest.raises(ConfigError, match="line 2, is not JSON"):
        opened(folder).documents(file)


@pytest.mark.parametrize(
    "more",
    [
        {"date": 1e30},
        {"date": float("inf")},
        {"config": [1], "configs": "x", "versions": 3, "n-shot": [], "group_subtasks": {"t": "t"}},
        {"results": {"t": {"acc,none": {"a": 1}, "acc_stderr,none": [1], "alias": 5}}},
        {"results": {"t": [1], "u": None}},
        {"model_name": {"a": 1}, "total_evaluation_time_seconds": "soon", "errors": 4},
    ],
)
def test_nonsense_in_a_results_file_does_not_hide_other_runs(tmp_path: Path, more: dict[str, Any]) -> None:
    folder = save(tmp_path / "runs", {"t": docs([1])})
    save(folder, {"t": docs([1])}, time=LATER)
    changed(folder / f"results_{LATER}.json", **more)
    index = opened(folder)
    assert len(index.runs) + len(index.problems) == 2
    assert index.runs[-1].model == "org/m"


def test_memory_follows_lines_not_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_OPEN_LINES", 5)
    folder = save(tmp_path / "runs", {name: docs([1, 0]) for name in "abcd"})
    index = opened(folder)
    for file in sorted(folder.glob("samples_*")):
        assert index.documents(file).ids == ["0", "1"]
    assert len(index._documents) == 2


def test_the_speed_of_a_run_is_kept(tmp_path: Path) -> None:
    spread = {"requests": 2, "mean": 1.0, "p5": 0.5, "p50": 1.0, "p95": 2.0}
    save(tmp_path / "runs", {"t": docs([1, 0])}, config={"model_info": {"run": {"latency": spread}}})
    opened(tmp_path / "runs").close()
    (run,) = opened(tmp_path / "runs").runs
    assert run.speed == ("latency p50 1 s, p95 2 s",)
