"""A run that is killed and resumed, and runs at several concurrencies, save the same files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.killing import kill_and_resume, same_at_any_concurrency


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_run_resumes(tmp_path: Path) -> None:
    # 300 requests at 40 ms, 32 at once, take long enough for several commits of the journal.
    outcome = kill_and_resume(tmp_path, requests=300, kills=2, latency_ms=40)
    assert outcome.differing == []
    assert outcome.lost == 0


def test_the_same_files_at_any_concurrency(tmp_path: Path) -> None:
    assert same_at_any_concurrency(tmp_path, requests=100, concurrencies=(1, 7, 64))
