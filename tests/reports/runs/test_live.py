from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from lm_eval.models.http.run_state import RunState, state_path
from lm_eval.models.http.usage import Accounting
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.runs.live import read_state

STATE = {
    **{"format": 1, "model": "m", "tasks": ["t"], "total": 10, "done": 4, "errors": 1, "rate": 2.0, "cost": 0.5},
    **{"started": 1000.0, "updated": 1010.0, "host": socket.gethostname(), "ended": False},
}


def written(tmp_path: Path, **more: Any) -> Path:
    file = tmp_path / "abc.state.json"
    file.write_text(json.dumps({**STATE, "pid": os.getpid(), **more}))
    return file


def test_what_a_run_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / ".journal").mkdir()
    journal = tmp_path / ".journal" / "abc.sqlite"
    RunState(journal, "org/m", ["a", "b"], 10).update(4, 1, Accounting(retries=2))
    index = RunIndex(tmp_path, tmp_path / "index.sqlite")
    index.refresh()
    (run,) = index.live
    assert (run.model, run.tasks, run.status, run.total, run.done, run.errors, run.retries, run.path) == (
        *("org/m", ("a", "b"), "running", 10, 4, 1, 2),
        ".journal/abc.state.json",
    )
    assert abs(time.time() - run.updated) < 60
    state_path(journal).unlink()
    assert index.live == []


@pytest.mark.parametrize(
    ("more", "now", "status"),
    [
        ({}, 1011.0, "running"),
        ({}, 1100.0, "running"),
        ({"host": "elsewhere"}, 1100.0, "stopped"),
        ({"ended": True}, 1011.0, "scoring"),
        ({"ended": True}, 9999.0, "scoring"),
        ({}, 9999.0, "stopped"),
        ({"pid": 2**22 + 1}, 1011.0, "stopped"),
        ({"host": "elsewhere", "pid": 2**22 + 1}, 1011.0, "running"),
        ({"host": "elsewhere", "ended": True}, 9999.0, "stopped"),
    ],
)
def test_a_run_that_died_is_told_from_one_that_goes_on(
    tmp_path: Path, more: dict[str, Any], now: float, status: str
) -> None:
    found = read_state(written(tmp_path, **more), "abc.state.json", now)
    assert found is not None
    assert found.status == status


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"updated": "x", "started": []}'])
def test_a_file_with_something_else_is_no_run(tmp_path: Path, content: str) -> None:
    file = tmp_path / "abc.state.json"
    file.write_text(content)
    assert read_state(file, "abc.state.json") is None
