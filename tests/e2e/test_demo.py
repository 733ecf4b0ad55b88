from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Command, Ran


@pytest.fixture
def ran(command: Command) -> Ran:
    return command("demo")


def test_the_demo_runs_three_tasks_and_prints_the_results_folder(ran: Ran, tmp_path: Path) -> None:
    assert ran.code == 0, ran.err
    assert [task for task in ("demo_choices", "demo_numbers", "demo_prose") if task not in ran.out] == []
    assert "demo-results" in ran.out.splitlines()[-1]
    assert len(list((tmp_path / "demo-results" / "mock").glob("*.json*"))) == 4
