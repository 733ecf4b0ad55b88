from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import lm_eval.results
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.results import find, load, load_all

EARLY, LATE = "2026-01-01T10-00-00.000001", "2026-01-02T10-00-00.000002"
LL = {"gen_args_0": {"arg_0": "Q", "arg_1": " a"}, "gen_args_1": {"arg_0": "Q", "arg_1": " b"}}


def content(**more: Any) -> dict[str, Any]:
    """The content of a results file: a task, and a group of it."""
    return {
        "results": {
            "t": {"alias": " - T", "acc,none": 0.5, "acc_stderr,none": 0.1, "f1,none": "N/A", "sample_len": 4},
            "g": {"alias": "G", " ": " ", "acc,none": 0.5, "acc_stderr,none": "N/A", "sample_count": {"acc,none": 4}},
        },
        "group_subtasks": {"g": ["t"], "t": []},
        "configs": {"t": {"task": "t"}},
        "higher_is_better": {"t": {"acc": True}},
        "n-samples": {"t": {"original": 9, "effective": 4}},
        "model_name": "org/m",
        "date": 1767261600.5,
        **more,
    }


def save(folder: Path, time: str = EARLY, samples: str = "", **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"results_{time}.json").write_text(json.dumps(content(**more)))
    if samples:
        (folder / f"samples_t_{time}.jsonl").write_text(samples)
    return folder


def test_load_is_the_function() -> None:
    assert lm_eval.results.load is load


def test_the_newest_run_is_loaded(tmp_path: Path) -> None:
    save(tmp_path, LATE, model_name="late")
    save(tmp_path, EARLY, model_name="early")
    assert (load(tmp_path).model_name, [run.model_name for run in load_all(tmp_path)]) == ("late", ["early", "late"])


def test_several_models_are_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path / "a")
    save(tmp_path / "b")
    with pytest.raises(ConfigError, match=r"several models; name one of .*a, .*b"):
        load(tmp_path)


def test_hidden_folders_hold_no_runs(tmp_path: Path) -> None:
    save(tmp_path / ".journal")
    save(tmp_path / "m")
    assert [file.parent.name for file in find(tmp_path)] == ["m"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent", None, "There is no folder or file"),
        ("results.json", "{", "is not JSON"),
        ("results.json", '{"a": 1}', "is not a results file"),
        ("results.json", "[]", "is not a results file"),
        ("other.txt", "", "is not JSON"),
    ],
)
def test_loading_errors_are_one_line(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No results file"):
        load(tmp_path)


def test_scores_of_tasks_and_groups(tmp_path: Path) -> None:
    scores = load(save(tmp_path)).scores
    assert [(s.task, s.key, s.value, s.stderr, s.n, s.is_group, s.alias) for s in scores] == [
        ("t", "acc,none", 0.5, 0.1, 4, False, "T"),
        ("t", "f1,none", None, None, 4, False, "T"),
        ("g", "acc,none", 0.5, None, 4, True, "G"),
    ]


@pytest.mark.parametrize(
    ("statistics", "interval"),
    [
        (None, None),
        ({"t": {"acc,none": {"n": 4, "lost": 0}}}, None),
        ({"t": {"acc,none": {"interval": None}}}, None),
        ({"t": {"acc,none": {"interval": [0.2, 0.8]}}}, (0.2, 0.8)),
    ],
)
def test_intervals_are_there_when_the_file_has_them(tmp_path: Path, statistics: Any, interval: Any) -> None:
    assert load(save(tmp_path, statistics=statistics)).scores[0].interval == interval


def test_tasks_listed_as_empty_groups_are_not_groups(tmp_path: Path) -> None:
    assert load(save(tmp_path)).group_subtasks == {"g": ["t"]}


@pytest.mark.parametrize("configs", [{"t": {}}, None])
def test_tasks_are_distinguished_from_groups(tmp_path: Path, configs: Any) -> None:
    assert load(save(tmp_path, configs=configs)).tasks == ["t"]


def test_the_date_is_in_utc(tmp_path: Path) -> None:
    assert load(save(tmp_path)).date == datetime(2026, 1, 1, 10, 0, 0, 500000, tzinfo=timezone.utc)


def test_samples_are_of_the_same_time(tmp_path: Path) -> None:
    save(tmp_path, EARLY, '{"doc_id": 1}\n')
    save(tmp_path, LATE, '{"doc_id": 2}\n')
    assert [run.samples("t") for run in load_all(tmp_path)] == [[{"doc_id": 1}], [{"doc_id": 2}]]


def test_samples_of_another_time_are_used_if_unambiguous(tmp_path: Path) -> None:
    save(tmp_path, LATE)
    (tmp_path / f"samples_t_{EARLY}.jsonl").write_text('{"doc_id": 1}\n')
    assert load(tmp_path).samples("t") == [{"doc_id": 1}]


def test_samples_of_another_time_are_not_used_with_several_runs(tmp_path: Path) -> None:
    save(tmp_path, LATE)
    save(tmp_path, EARLY, '{"doc_id": 1}\n')
    with pytest.raises(UnknownNameError, match="task with saved samples"):
        load(tmp_path).samples("t")


def test_a_task_name_that_is_not_a_file_name(tmp_path: Path) -> None:
    save(tmp_path, results={"a/b:c": {"acc,none": 1.0}})
    (tmp_path / f"samples_a_b_c_{EARLY}.jsonl").write_text('{"doc_id": 1}\n')
    assert load(tmp_path).samples("a/b:c") == [{"doc_id": 1}]


def test_log_likelihoods_written_as_text_are_numbers(tmp_path: Path) -> None:
    sample = {"arguments": LL, "resps": [[["-1.5", "True"]], [["-inf", "False"]]], "filtered_resps": ["-1.5", "True"]}
    (read,) = load(save(tmp_path, samples=json.dumps(sample))).samples("t")
    assert read["resps"] == [[[-1.5, True]], [[float("-inf"), False]]]


def test_generated_numbers_stay_text(tmp_path: Path) -> None:
    sample = {"arguments": {"gen_args_0": {"arg_0": "Q", "arg_1": {"until": []}}}, "resps": [["42"]]}
    (read,) = load(save(tmp_path, samples=json.dumps(sample))).samples("t")
    assert read["resps"] == [["42"]]


def test_a_broken_line_of_samples_is_named(tmp_path: Path) -> None:
    run = load(save(tmp_path, samples='{"doc_id": 1}\n\n{"doc'))
    with pytest.raises(ConfigError, match="line 3, is not JSON"):
        run.samples("t")


def test_samples_that_are_not_text_are_named(tmp_path: Path) -> None:
    run = load(save(tmp_path, samples="{}"))
    run.sample_files["t"].write_bytes(b'{"doc_id": 1}\n{"doc": "\xff"}\n')
    with pytest.raises(ConfigError, match="line 2, is not JSON"):
        run.samples("t")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_missing_samples_files_are_one_line(tmp_path: Path, suffix: str) -> None:
    (save(tmp_path) / f"samples_t_{EARLY}.{suffix}").touch()
    run = load(tmp_path)
    run.sample_files["t"].unlink()
    with pytest.raises(ConfigError, match=rf"samples_t_.*{suffix} cannot be read: .*No such file"):
        run.samples("t")


def test_half_a_surrogate_pair_is_read(tmp_path: Path) -> None:
    run = load(save(tmp_path, samples="{}"))
    text = '{"resps": "\u2028\ud800"}'
    run.sample_files["t"].write_bytes(text.encode("utf-8", "surrogatepass"))
    assert run.samples("t") == [{"resps": "\u2028\ud800"}]


def test_samples_are_read_one_at_a_time(tmp_path: Path) -> None:
    samples = load(save(tmp_path, samples='{"doc_id": 1}\n{"doc')).iter_samples("t")
    assert next(samples) == {"doc_id": 1}


def test_frames_of_several_runs_can_be_concatenated(tmp_path: Path) -> None:
    import pandas as pd

    save(tmp_path / "a", model_name="a", statistics={"t": {"acc,none": {"interval": [0.2, 0.8]}}})
    save(tmp_path / "b", model_name="b", date=None)
    frame = pd.concat([run.scores_frame() for run in load_all(tmp_path)])
    table = frame[frame["metric"] == "acc"].pivot(index="model", columns="task")["value"]
    assert table["t"].to_dict() == {"a": 0.5, "b": 0.5}
    assert frame["low"].max() == 0.2
    assert frame.dtypes.astype(str)[["value", "n", "higher_is_better"]].tolist() == ["float64", "Int64", "boolean"]


def test_the_samples_frame_names_model_and_task(tmp_path: Path) -> None:
    frame = load(save(tmp_path, samples='{"doc_id": 1, "acc": 1.0}\n{"doc_id": 2}\n')).samples_frame()
    assert list(frame.columns) == ["model", "date", "task", "doc_id", "acc"]
    assert frame["acc"].tolist()[0] == 1.0
    assert set(frame["model"]) == {"org/m"}


def test_a_frame_without_samples_is_empty(tmp_path: Path) -> None:
    assert load(save(tmp_path)).samples_frame().shape == (0, 3)


@pytest.mark.parametrize(
    ("name", "other"),
    [(f"results_{EARLY}.json", "results.json"), (f"my_run_{EARLY}.json", "my_run.json"), ("results.json", None)],
)
def test_another_run_is_saved_next_to_the_first(tmp_path: Path, name: str, other: str | None) -> None:
    (tmp_path / name).write_text(json.dumps(content()))
    assert load(tmp_path / name).output_path == tmp_path / (other or name)
