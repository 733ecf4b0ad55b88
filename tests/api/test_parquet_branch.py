"""Datasets of scripts, read from the files that the Hub made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.errors import DatasetError

FILES = [
    "README.md",
    "spanish/test/0000.parquet",
    "spanish/test/0001.parquet",
    "spanish/train/0000.parquet",
    "english/partial-train/0000.parquet",
    "english/test/0000.parquet",
]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A Hub with a dataset of a script; what is read of its parquet branch."""
    read: list[dict[str, Any]] = []

    def load_dataset(path: str, name: str | None = None, **kwargs: Any) -> Any:
        if path != "parquet":
            raise RuntimeError("Dataset scripts are no longer supported, but found xlsum.py")
        read.append(kwargs)
        return {split: [{"id": file} for file in files] for split, files in kwargs["data_files"].items()}

    class HfApi:
        def list_repo_files(self, path: str, **kwargs: Any) -> list[str]:
            assert kwargs["revision"] == "refs/convert/parquet"
            if path != "org/xlsum":
                raise ValueError(f"no such branch of {path}")
            return FILES

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    monkeypatch.setattr("huggingface_hub.HfApi", HfApi)
    return read


def test_the_files_of_the_config_are_read_by_split(asked: list[dict[str, Any]]) -> None:
    splits = load_task_dataset("t", "org/xlsum", "spanish", {"trust_remote_code": True, "cache_dir": "c"})
    at = "hf://datasets/org/xlsum@refs%2Fconvert%2Fparquet/spanish"
    assert list(splits) == ["test", "train"]
    assert splits["test"][1] == {"id": f"{at}/test/0001.parquet"}
    assert [set(kwargs) for kwargs in asked] == [{"data_files", "cache_dir"}]


@pytest.mark.parametrize(
    ("path", "name", "reason"),
    [
        ("org/xlsum", "french", "no parquet files of the config 'french'; it has english, spanish"),
        ("org/xlsum", None, "of the config 'default'; it has english, spanish"),
        ("org/other", "spanish", "no such branch of org/other"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_there_is_not_is_told(path: str, name: str | None, reason: str) -> None:
    with pytest.raises(DatasetError, match="is made by a script") as caught:
        load_task_dataset("t", path, name)
    assert reason in str(caught.value)


@pytest.mark.usefixtures("asked")
def test_a_split_that_is_not_whole_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert list(load_task_dataset("t", "org/xlsum", "english")) == ["test"]
    assert "only a part of the split train" in caplog.text


@pytest.mark.usefixtures("asked")
def test_a_local_copy_that_fails_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "org/xlsum").mkdir(parents=True)
    with pytest.raises(DatasetError, match="does not load from"):
        load_task_dataset("t", "org/xlsum", "spanish", data_dir=tmp_path)


def test_parquet_files_have_the_splits_of_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    Dataset.from_list([{"text": "hola"}]).to_parquet(tmp_path / "0000.parquet")
    real = datasets.load_dataset

    def load_dataset(path: str, name: str | None = None, **kwargs: Any) -> Any:
        if path != "parquet":
            raise RuntimeError("Dataset scripts are no longer supported, but found a.py")
        files = {split: [str(tmp_path / "0000.parquet")] for split in kwargs["data_files"]}
        return real(path, data_files=files, cache_dir=str(tmp_path / "cache"))

    class HfApi:
        def list_repo_files(self, path: str, **_: Any) -> list[str]:
            return ["default/primary/0000.parquet"]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    monkeypatch.setattr("huggingface_hub.HfApi", HfApi)
    assert list(load_task_dataset("t", "org/a")["primary"]) == [{"text": "hola"}]
