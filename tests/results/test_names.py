from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lm_eval.loggers import EvaluationTracker
from lm_eval.results import find, load
from lm_eval.results.names import folder_name, same_on_disk
from tests.results.test_saved import save

TIME_BYTES = len("_2026-01-31T10-20-30.123456")


def save_tasks(output_path: Path, *tasks: str, model: str = "m", output_format: str = "jsonl") -> EvaluationTracker:
    """Save a run of tasks, with one sample each that names its task."""
    tracker = EvaluationTracker(output_path, output_format=output_format)
    samples: dict[str, Any] = {task: [{"doc_id": 0, "doc": {"task": task}, "target": ""}] for task in tasks}
    scores: dict[str, Any] = {task: {"acc,none": 1.0} for task in tasks}
    tracker.save({"results": scores, "model_name": model, "samples": samples})
    return tracker


def tasks_read(path: Path) -> dict[str, str]:
    run = load(path)
    return {task: run.samples(task)[0]["doc"]["task"] for task in run.sample_files}


@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    "tasks",
    [
        ("a/b", "a:b", "a_b", "a__b"),
        ("a_b", "a/b"),
        ("mmlu", "MMLU", "Mmlu"),
        ("straße", "STRASSE"),
        ("é", "e\u0301"),
        ("a b", "a.b", "a-b", "a+b"),
        ("", " ", "."),
        ("t" * 214, "t" * 215, "T" * 215, "t" * 300),
        ("ü" * 110, "ü" * 120, "日" * 90),
        ("line\nbreak", "nul\0", "half \ud83d"),
        (".hidden", "..", "../up", "/root"),
    ],
)
def test_every_task_has_its_own_samples_file(tmp_path: Path, tasks: tuple[str, ...], output_format: str) -> None:
    saved = save_tasks(tmp_path, *tasks, output_format=output_format).saved
    assert len({same_on_disk(file.name) for file in saved}) == len(tasks) + 1
    assert {file.parent for file in saved} == {tmp_path / "m"}
    if not any("\ud800" <= char <= "\udfff" for task in tasks for char in task):
        assert tasks_read(tmp_path) == {task: task for task in tasks}


def test_the_names_of_ordinary_tasks_and_models_stay(tmp_path: Path) -> None:
    tasks = ("gsm8k", "mmlu_flan_n_shot_generative", "a-b.c+d", "group::t/x")
    saved = save_tasks(tmp_path, *tasks, model="org/model:v1").saved
    names = [f"{file.parent.name}/{file.stem[:-TIME_BYTES]}" for file in saved]
    assert names == [
        "org__model__v1/results",
        "org__model__v1/samples_gsm8k",
        "org__model__v1/samples_mmlu_flan_n_shot_generative",
        "org__model__v1/samples_a-b.c+d",
        "org__model__v1/samples_group__t_x",
    ]


def test_a_name_at_the_limit_stays_and_a_longer_one_ends_with_a_hash(tmp_path: Path) -> None:
    _, fits, longer = save_tasks(tmp_path, "t" * 214, "u" * 215).saved
    assert len(fits.name) == len(longer.name) == 255
    assert fits.name.startswith(f"samples_{'t' * 214}_")
    assert longer.name.startswith(f"samples_{'u' * 205}-")


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("./models/x.gguf", "models__x.gguf"),
        ("././x", "x"),
        ("/models/x.gguf", "__models__x.gguf"),
        ("~/x", "~__x"),
        ("C:\\models\\x", "C__models__x"),
    ],
)
def test_a_model_named_by_a_path_has_a_plain_folder(tmp_path: Path, model: str, folder: str) -> None:
    save_tasks(tmp_path, "t", model=model)
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert load(tmp_path).model_name == model


@pytest.mark.parametrize(
    "model",
    [
        *("..", "...", ".", "./", "../x", "../../x", "..\\x", ".hidden", ".hidden/x", " ", "x.", "x "),
        *("a\nb", "a\0b", "half \ud83d", "\x1b[31mred", "m" * 255, "m" * 256, "日" * 200, "org/" + "m" * 300),
    ],
)
def test_a_folder_of_a_model_is_below_the_output_path_and_not_hidden(tmp_path: Path, model: str) -> None:
    save_tasks(tmp_path / "out", "t", model=model)
    assert os.listdir(tmp_path) == ["out"]
    (folder,) = (tmp_path / "out").iterdir()
    assert not folder.name.startswith(".")
    assert len(os.fsencode(folder.name)) <= 255
    assert load(tmp_path / "out").samples("t")


def test_different_models_have_different_folders(tmp_path: Path) -> None:
    models = ["x", "../x", "../../x", "..", ".", "x.", "x ", "m" * 256, "m" * 257, ".x"]
    assert len({folder_name(model, tmp_path) for model in models}) == len(models)


def test_the_limit_is_that_of_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pathconf", lambda path, name: 143)
    saved = save_tasks(tmp_path, "t" * 150, "t" * 151, model="m" * 200).saved
    assert {len(name) for file in saved[1:] for name in (file.name, file.parent.name)} == {143}
    assert set(tasks_read(tmp_path)) == {"t" * 150, "t" * 151}


@pytest.mark.parametrize("folder", [".__models__x.gguf", "..__x", ".__.__x"])
def test_hidden_folders_of_models_of_earlier_versions_are_found(tmp_path: Path, folder: str) -> None:
    save(tmp_path / folder)
    assert [file.parent.name for file in find(tmp_path)] == [folder]


def test_a_model_keeps_its_runs_of_earlier_versions(tmp_path: Path) -> None:
    save(tmp_path / ".__models__x.gguf")
    save_tasks(tmp_path, "t", model="./models/x.gguf")
    assert len(find(tmp_path)) == 2
    assert load(tmp_path).path.parent.name == "models__x.gguf"


def test_a_long_json_path_is_shortened(tmp_path: Path) -> None:
    (results, samples) = save_tasks(tmp_path / f"{'r' * 250}.json", "t").saved
    assert (results.parent, len(results.name)) == (tmp_path, 255)
    assert list(load(results).sample_files) == ["t"]
    assert samples.exists()
