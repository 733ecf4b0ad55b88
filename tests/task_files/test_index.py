from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lm_eval.task_files import index_cache as cache_module
from lm_eval.task_files.index import Entry, Kind, TaskIndex
from lm_eval.task_files.index_cache import cache_folder, scan
from tests.task_files.conftest import Write

FILES = {
    "a.yaml": "task: a\ntag: [t, u]\noutput_type: multiple_choice\ndataset_path: d\ndataset_name: n",
    "b.yaml": "include: sub/base\ntask: b",
    "sub/base": "tag: t\nclass: null",
    "c.yaml": "task: c\nclass: !function nowhere.C",
    "g.yaml": "group: g\ntag: t\ntask: [a, b]",
    "fragment.yaml": "doc_to_text: x",
    "broken.yaml": "task: [",
    "lost.yaml": "include: nowhere\ntask: lost",
    "__pycache__/x.yaml": "task: x",
    ".ipynb_checkpoints/y.yaml": "task: y",
    "py.yaml": "include: pybase\ntask: py",
    "pybase": "class: !function task.C\ngroup: old",
}


def age(root: Path) -> None:
    """Make the files old enough to be stored in the index."""
    then = time.time() - 100
    for path in root.rglob("*"):
        os.utime(path, (then, then))


def names(root: Path) -> set[str]:
    return {entry.name for entry in scan(root).entries}


def test_kinds_names_and_tags_are_determined_by_the_keys(write: Write) -> None:
    index = TaskIndex.build([write(FILES)])
    assert {name: entry.kind for name, entry in index.items()} == {
        "a": Kind.TASK,
        "b": Kind.TASK,
        "lost": Kind.TASK,
        "c": Kind.PY_TASK,
        "py": Kind.PY_TASK,
        "g": Kind.GROUP,
        "t": Kind.TAG,
        "u": Kind.TAG,
    }
    assert index["t"].tags == {"a", "b"}
    assert index["a"].tags == {"t", "u"}
    assert (index["a"].output_type, index["a"].dataset) == ("multiple_choice", "d n")
    assert index["t"].yaml_path is None


def test_broken_files_are_reported_and_stop_nothing(write: Write) -> None:
    held = scan(write(FILES))
    assert sorted(Path(str(problem.path)).name for problem in held.problems) == ["broken.yaml"]


def test_an_index_from_the_cache_is_the_same(write: Write) -> None:
    root = write(FILES)
    age(root)
    assert TaskIndex.build([root]) == TaskIndex.build([root])


def test_the_cache_avoids_reading(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({name: text for name, text in FILES.items() if name not in ("broken.yaml", "lost.yaml")})
    age(root)
    scan(root)
    monkeypatch.setattr(cache_module, "_examine_all", lambda *_: pytest.fail("a file was read again"))
    assert names(root) == {"a", "b", "c", "g", "py"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"a.yaml": "task: renamed"}, {"renamed", "b"}),
        ({"base": "group: now_a_group"}, {"a", "now_a_group"}),
        ({"new.yaml": "task: new"}, {"a", "b", "new"}),
    ],
)
def test_changes_are_noticed(write: Write, change: dict[str, str], expected: set[str]) -> None:
    root = write({"a.yaml": "task: a", "b.yaml": "include: base\ntask: b", "base": "tag: t"})
    age(root)
    assert names(root) == {"a", "b"}
    write(change)
    assert names(root) == expected


def test_a_deleted_file_is_removed_from_the_index(write: Write) -> None:
    root = write({"a.yaml": "task: a", "b.yaml": "task: b"})
    age(root)
    scan(root)
    (root / "a.yaml").unlink()
    assert names(root) == {"b"}


def test_a_file_fixed_by_its_include_is_noticed(write: Write) -> None:
    root = write({"a.yaml": "task: a", "lost.yaml": "include: base\ntask: lost"})
    age(root)
    scan(root)
    write({"base": "tag: t"})
    assert {entry.name: set(entry.tags) for entry in scan(root).entries} == {"a": set(), "lost": {"t"}}


def test_a_file_changed_just_now_is_not_trusted(write: Write, index_cache: Path) -> None:
    root = write({"a.yaml": "task: a"})
    scan(root)
    kept = json.loads(next(index_cache.iterdir()).read_text())
    assert kept["files"] == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 0, "root": ""}', "null"])
def test_a_damaged_cache_is_harmless(write: Write, index_cache: Path, text: str) -> None:
    root = write({"a.yaml": "task: a"})
    age(root)
    scan(root)
    next(index_cache.iterdir()).write_text(text)
    assert names(root) == {"a"}


def test_a_cache_that_cannot_be_written_is_harmless(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"a.yaml": "task: a", "file": ""})
    monkeypatch.setenv("LM_HARNESS_CACHE_PATH", str(root / "file" / "below"))
    assert names(root) == {"a"}


def test_concurrent_writers_leave_a_complete_file(write: Write, index_cache: Path) -> None:
    root = write({f"t{number}.yaml": f"task: t{number}" for number in range(50)})
    age(root)
    threads = [threading.Thread(target=scan, args=(root,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.suffix for path in index_cache.iterdir()] == [".json"]
    assert len(scan(root).entries) == 50


def test_the_path_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_HARNESS_CACHE_PATH", "/x")
    assert cache_folder() == Path("/x")
    monkeypatch.delenv("LM_HARNESS_CACHE_PATH")
    monkeypatch.setenv("XDG_CACHE_HOME", "/y")
    assert cache_folder() == Path("/y/lm_eval")


def test_the_first_file_of_a_root_and_the_last_root_win(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    root = write({"1/a.yaml": "task: a\ntag: old", "1/b/a.yaml": "task: a", "2/a.yaml": "task: a\ntag: new"})
    with caplog.at_level(logging.WARNING, "lm_eval"):
        index = TaskIndex.build([root / "1", root / "2"])
    assert index["a"].yaml_path == root / "2/a.yaml"
    assert set(index) == {"a", "new"}
    assert "'a' is defined twice" in caplog.text
    assert "override earlier ones: a" in caplog.text


def test_an_entry_reads_its_config_lazily(write: Write) -> None:
    root = write({"a.yaml": "task: a\nprocess_docs: !function utils.f"})
    assert TaskIndex.build([root])["a"].cfg == {"task": "a", "process_docs": str(root / "utils.f")}


def test_entries_of_a_file_and_of_a_config(write: Write) -> None:
    root = write({"a.yaml": "task: a", "f.yaml": "x: 1"})
    assert TaskIndex.entry_from_path(root / "a.yaml") == Entry("a", Kind.TASK, root / "a.yaml")
    assert TaskIndex.entry_from_path(root / "f.yaml") is None
    made = TaskIndex.entry_from_config({"group": "g", "task": []})
    assert made is not None and (made.kind, made.cfg) == (Kind.GROUP, {"group": "g", "task": []})


def test_listing_names_imports_nothing_heavy(write: Write) -> None:
    root = write({"a.yaml": "task: a"})
    age(root)
    code = (
        "import sys; from lm_eval.tasks import TaskManager;"
        f"assert TaskManager(include_path={str(root)!r}, include_defaults=False).all_tasks == ['a'];"
        "print([m for m in ('datasets', 'numpy', 'yaml', 'jinja2', 'importlib.metadata') if m in sys.modules])"
    )
    for expected in (b"['yaml']", b"[]"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
        assert done.stdout.strip() == expected
