"""A run whose loggers fail or hang still succeeds."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from lm_eval.loggers.guard import SECONDS_VARIABLE
from lm_eval.mock_server import MockServer
from tests.e2e.conftest import Command, Ran, run_words

HANGING = """
    import atexit, threading
    from types import SimpleNamespace

    run = None

    def hang(*arguments, **options):
        threading.Event().wait()

    def init(project=None, job_type=None):
        print("wandb is here")
        atexit.register(hang)
        threading.Thread(target=hang).start()
        nothing = lambda *arguments, **options: None
        updated = SimpleNamespace(update=nothing)
        return SimpleNamespace(config=updated, summary=updated, log=hang, log_artifact=nothing, finish=hang)
"""
QUITTING = """
    def init(project):
        raise SystemExit("No account")
"""


@pytest.fixture
def ran(server: MockServer, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    monkeypatch.setenv(SECONDS_VARIABLE, "1")
    (tmp_path / "wandb.py").write_text(textwrap.dedent(HANGING))
    (tmp_path / "trackio.py").write_text(textwrap.dedent(QUITTING))
    words = ["--tasks", "demo_choices", "--limit", "2", "--output_path", "out"]
    words += ["--wandb_args", "project=p", "--trackio_args", "project=p"]
    return command(*run_words(server.base_url, *words))


def test_loggers_that_hang_or_quit_cost_only_time(ran: Ran, tmp_path: Path) -> None:
    saved = list((tmp_path / "out" / "mock").glob("results_*.json"))
    said = ran.err.splitlines()
    assert ran.code == 5, ran.err
    assert len(saved) == 1
    assert ran.out.splitlines()[1].startswith("|   Tasks")
    assert "wandb is here" not in ran.out
    assert "trackio did not get everything: start failed: SystemExit: No account." in said[-1]
    assert "wandb did not get everything: log_scores failed: no answer in 1 seconds" in said[-2]
    assert f"The run is complete; its results are saved at out/mock/{saved[0].name}." in said[-1]


def test_a_misspelt_argument_ends_the_run_before_it_starts(
    server: MockServer, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "wandb.py").write_text(textwrap.dedent(HANGING))
    ran = command(*run_words(server.base_url, "--tasks", "demo_choices", "--wandb_args", "projct=p"))
    assert (ran.code, ran.err) == (2, "lm_eval: error: --wandb_args takes no 'projct'. Did you mean 'project'?\n")
