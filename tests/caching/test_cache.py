from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.caching import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "PATH", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_an_object_is_kept_under_its_name(folder: Path) -> None:
    cache.save_to_cache("org/model task", {"a": (1, 2)})
    assert cache.load_from_cache("org/model task", cache=True) == {"a": (1, 2)}
    assert cache.load_from_cache("org/model task") is None
    assert [file.name for file in folder.iterdir()] == [f"org_model task{cache.FILE_SUFFIX}"]


def test_what_is_not_there_or_damaged_is_none(folder: Path) -> None:
    cache.save_to_cache("a", 1)
    next(folder.iterdir()).write_bytes(b"no pickle")
    assert cache.load_from_cache("a", cache=True) is None
    assert cache.load_from_cache("b", cache=True) is None


def test_long_names_fit_and_differ(folder: Path) -> None:
    for name in ("x" * 500 + "1", "x" * 500 + "2", "é" * 300):
        cache.save_to_cache(name, name)
        assert cache.load_from_cache(name, cache=True) == name
    assert max(len(file.name.encode()) for file in folder.iterdir()) <= cache.MAX_CACHE_FILENAME_BYTES


def test_objects_are_deleted_by_the_start_of_their_names(folder: Path) -> None:
    cache.delete_cache("a")
    for name in ("a1", "a2", "b"):
        cache.save_to_cache(name, name)
    (folder / "a_file_of_mine").touch()
    cache.delete_cache("a")
    assert [cache.load_from_cache(name, cache=True) for name in ("a1", "a2", "b")] == [None, None, "b"]
    assert (folder / "a_file_of_mine").exists()


def test_a_file_instead_of_the_folder_is_an_error(folder: Path) -> None:
    folder.touch()
    with pytest.raises(NotADirectoryError):
        cache.delete_cache()
