"""A folder of task files for one test, with a separate index cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _separate_cache(own_cache: Path) -> None:
    """Give each test a cache of its own."""


@pytest.fixture
def index_cache(own_cache: Path) -> Path:
    """The cache folder of the test, emptied."""
    for file in own_cache.iterdir():
        file.unlink()
    return own_cache


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
