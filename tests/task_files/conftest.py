"""A folder of task files for one test, with a separate index cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def index_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LM_HARNESS_CACHE_PATH", str(folder))
    yield folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below ``tmp_path`` and return it: ``write({"a.yaml": "task: a"})``."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return tmp_path

    return make


BASE = """\
dataset_path: json
test_split: train
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
metric_list:
  - metric: exact_match
metadata:
  version: 1.0
"""
