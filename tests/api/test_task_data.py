from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import ConfigError, DatasetError, TaskFileError

from .tasks_for_tests import build, make, prompts, questions


def test_building_a_task_loads_nothing() -> None:
    def explode(**kwargs: Any) -> Any:
        raise AssertionError("loaded")

    task = make(custom_dataset=explode, num_fewshot=2)
    assert task.task_name == "demo"
    with pytest.raises(AssertionError, match="loaded"):
        _ = task.dataset


def test_custom_dataset_gets_metadata_and_dataset_kwargs() -> None:
    seen: dict[str, Any] = {}

    def load(**kwargs: Any) -> Any:
        seen.update(kwargs)
        return {"test": questions()}

    build(make(custom_dataset=load, metadata={"version": 2, "size": 1}, dataset_kwargs={"size": 3}))
    assert seen == {"version": 2, "size": 3}


def test_evaluated_split_is_test_else_validation() -> None:
    task = make(custom_dataset=lambda: {"v": questions(2)}, test_split=None, validation_split="v")
    assert prompts(task) == ["Q0?", "Q1?"]


def test_no_evaluated_split_is_an_error() -> None:
    with pytest.raises(TaskFileError, match="demo has neither a test nor a validation split"):
        build(make(test_split=None))


def test_missing_split_is_an_error_that_lists_the_splits() -> None:
    with pytest.raises(DatasetError, match="has no split 'dev', only 'test', 'train'"):
        build(make(test_split="dev"))


@pytest.mark.parametrize(
    ("keys", "pool"),
    [
        ({}, "train"),
        ({"fewshot_split": None, "training_split": "train"}, "train"),
        ({"fewshot_split": None, "validation_split": "validation"}, "validation"),
        ({"fewshot_split": None}, "test"),
        ({"fewshot_split": None, "fewshot_config": {"split": "validation"}}, "validation"),
        ({"fewshot_split": None, "fewshot_config": {"samples": [{"from": "samples"}]}}, "samples"),
        ({"fewshot_split": None, "fewshot_config": {"samples": lambda: [{"from": "samples"}]}}, "samples"),
        ({"fewshot_config": {"samples": [{"from": "samples"}]}}, "train"),
    ],
)
def test_few_shot_pool(keys: dict[str, Any], pool: str) -> None:
    data = {name: [{"from": name}] for name in ("train", "validation", "test")}
    assert make(custom_dataset=lambda: data, **keys).fewshot_docs() == [{"from": pool}]


def test_process_docs_shapes_evaluated_docs_and_pool_once_each() -> None:
    calls: list[int] = []

    def shout(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        calls.append(len(rows))
        return [{**row, "q": row["q"] + "!"} for row in rows]

    task = make(process_docs=shout, num_fewshot=1, fewshot_config={"sampler": "first_n"})
    assert prompts(task, limit=1) == ["Q0?! answer 0\n\nQ0?!"]
    assert build(task, limit=2)[0].doc["q"] == "Q0?!"
    assert sorted(calls) == [4, 6]


def test_the_pool_can_have_a_separate_process_docs() -> None:
    config = {"sampler": "first_n", "process_docs": lambda rows: rows[2:]}
    assert prompts(make(num_fewshot=1, fewshot_config=config), limit=1) == ["Q2? answer 2\n\nQ0?"]


def test_process_docs_that_shuffles_sees_the_pool_first() -> None:
    def shuffle(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen.append(len(rows))
        random.shuffle(rows)
        return rows

    seen: list[int] = []
    build(make(process_docs=shuffle))
    assert seen == [4, 6]


def test_a_doc_is_never_a_shot_of_itself_if_pool_and_split_are_the_same() -> None:
    for sampler in ("default", "first_n"):
        task = make(num_fewshot=5, fewshot_split="test", fewshot_config={"sampler": sampler})
        assert all(text.count(text.rpartition("\n\n")[2]) == 1 for text in prompts(task))


def test_more_shots_than_the_pool_holds_is_an_error() -> None:
    with pytest.raises(ConfigError, match="The number of shots, 5, exceeds the 4 other docs"):
        build(make(num_fewshot=5))


def test_few_shot_indices_restrict_the_pool() -> None:
    task = make(num_fewshot=1, fewshot_config={"sampler": "first_n", "fewshot_indices": [2]})
    assert prompts(task, limit=1) == ["Q2? answer 2\n\nQ0?"]


# Tests that need Hugging Face datasets


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.delenv("LM_EVAL_DATA_DIR", raising=False)
    datasets.disable_progress_bars()


def on_hub(**keys: Any) -> ConfigurableTask:
    return make(custom_dataset=None, dataset_path="some-org/some-set", **keys)


def write_copy(folder: Path) -> Path:
    copy = folder / "some-org" / "some-set"
    copy.mkdir(parents=True)
    (copy / "test.jsonl").write_text('{"q": "From disk?", "answer": "yes"}\n' * 3)
    return copy


def load_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def load_dataset(path: str, name: str | None = None, **kwargs: Any) -> Any:
        calls.append((path, name, kwargs))
        return {"test": questions()}

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    return calls


def test_dataset_is_named_as_the_config_says(monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
    calls = load_calls(monkeypatch)
    build(on_hub(dataset_name="main", dataset_kwargs={"revision": "r", "trust_remote_code": True}))
    assert calls == [("some-org/some-set", "main", {"revision": "r"})]


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_data_dir_comes_before_the_hub(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    (tmp_path / "some-org" / "some-set").mkdir(parents=True)
    calls = load_calls(monkeypatch)
    task = on_hub(dataset_kwargs={"revision": "r"})
    if how == "argument":
        task.set_data_dir(tmp_path)
    else:
        monkeypatch.setenv("LM_EVAL_DATA_DIR", str(tmp_path))
    build(task)
    [(path, name, kwargs)] = calls
    assert (path, name, list(kwargs)) == (str(tmp_path / "some-org" / "some-set"), None, ["cache_dir"])


def test_local_copy_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    write_copy(tmp_path)
    task = on_hub()
    task.set_data_dir(tmp_path)
    assert prompts(task, limit=2) == ["From disk?", "From disk?"]
    assert task.features == ["q", "answer"]


def test_an_edited_local_copy_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    home = write_copy(tmp_path)
    card = "configs:\n- config_name: default\n  data_files:\n  - split: test\n    path: test.jsonl\n"
    (home / "README.md").write_text(f"---\n{card}---\n")
    for text in ("Before", "After the edit"):
        row = json.dumps({"q": text, "answer": "a"})
        (home / "test.jsonl").write_text(row)
        task = on_hub()
        task.set_data_dir(tmp_path)
        assert prompts(task, limit=1) == [text]


def test_missing_dataset_names_it_and_both_ways_to_get_it(offline: None) -> None:
    with pytest.raises(DatasetError) as caught:
        build(on_hub(dataset_name="main"))
    message = str(caught.value)
    assert "Task demo: dataset 'some-org/some-set' (config 'main') could not be loaded" in message
    assert "--data_dir DIR" in message and "hf download --repo-type dataset some-org/some-set" in message
    assert "\n" not in message


def test_broken_local_copy_is_named(tmp_path: Path, offline: None) -> None:
    (tmp_path / "some-org" / "some-set").mkdir(parents=True)
    task = on_hub()
    task.set_data_dir(tmp_path)
    with pytest.raises(DatasetError, match=f"does not load from {tmp_path}"):
        build(task)


def test_rows_of_a_dataset_are_plain_dicts_in_order() -> None:
    import datasets

    rows = questions(2500)
    task = make(custom_dataset=lambda: {"test": datasets.Dataset.from_list(rows)}, num_fewshot=0)
    assert [instance.doc for instance in build(task)] == rows


def test_no_dataset_at_all_is_an_error() -> None:
    with pytest.raises(DatasetError, match="Task demo names no dataset"):
        build(make(custom_dataset=None))
