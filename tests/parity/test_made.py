"""One task of each template asks and scores the same as in the reference harness, on made documents."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from tests.parity.made import (
    UNFAIR,
    differences,
    known_reason,
    one_per_template,
    read_cases,
    run_cases,
    tasks_with_cases,
)

_MISSING = ("MissingPackageError", "ModuleNotFoundError", "No module named")


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    found = shared_dir / "parity" / "autodoc"
    if not (found / "visible.json.gz").is_file():
        pytest.skip(f"no made documents at {found}")
    return found


def test_one_task_of_each_template_is_the_same(folder: Path) -> None:
    names = one_per_template(tasks_with_cases(folder))
    measured = run_cases(folder, names, ["default"])
    found = differences(folder, read_cases(folder), measured)
    # Packages that only a few families need may be missing; `lm_eval validate` tells which.
    missing = {key for key, text in found.items() if any(word in text for word in _MISSING)}
    known = {key for key in found if known_reason(key) is not None}
    assert {key: text for key, text in found.items() if key not in missing | known} == {}
    assert len(measured) - len(missing) > len(names) * 0.9


def test_patterns_of_unfair_cases_match_tasks(folder: Path) -> None:
    tasks = {key.partition("|")[0] for key in read_cases(folder)}
    assert [pattern for pattern in UNFAIR if not fnmatch.filter(tasks, pattern)] == []
