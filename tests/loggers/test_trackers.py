from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import MissingPackageError
from lm_eval.loggers.trackers import send, start, stop, stopped_on_failure
from tests.loggers.conftest import Use
from tests.loggers.fakes import RESULTS, SAMPLES, FakeMlflow, FakeTrackio, FakeWandb

ALL: dict[str, Any] = {"wandb_args": {"project": "p"}, "trackio_args": {"name": "r"}, "mlflow_args": {"run_name": "r"}}


def fakes(use: Use, **failing: str) -> dict[str, Any]:
    made = {
        "wandb": FakeWandb(failing.get("wandb", "")),
        "trackio": FakeTrackio(failing.get("trackio", "")),
        "mlflow": FakeMlflow(failing.get("mlflow", "")),
    }
    use(**made)
    return made


def test_no_tracker_starts_unless_requested() -> None:
    assert start({}, {}, {}, {}) == []


@pytest.mark.parametrize("package", ["wandb", "trackio", "mlflow"])
def test_a_missing_package_is_an_error_before_the_run(package: str, use: Use) -> None:
    use(**{package: None})
    with pytest.raises(MissingPackageError, match=rf"lm-eval-api\[{package}\]"):
        options: Any = {f"{package}_args": {"project" if package != "mlflow" else "run_name": "p"}}
        start(**options)


def test_a_tracker_that_started_is_closed_when_another_cannot(use: Use) -> None:
    made = fakes(use)
    use(trackio=None)
    with pytest.raises(MissingPackageError):
        start(**ALL)
    assert made["wandb"].exit_code == 1


def test_all_trackers_get_results_and_are_closed(use: Use) -> None:
    made = fakes(use)
    assert send(start(**ALL), RESULTS, SAMPLES)
    assert [fake.steps[-1] for fake in made.values()] == ["finish"] * 3


def test_a_failing_tracker_does_not_affect_the_others(use: Use) -> None:
    made = fakes(use, wandb="init", trackio="finish")
    assert not send(start(**ALL), RESULTS, SAMPLES)
    assert made["mlflow"].metrics["t/acc"] == 0.5


def test_a_failure_names_the_tracker_and_the_results_folder(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    fakes(use, trackio="finish")
    send(start(**ALL), RESULTS, SAMPLES, saved=[Path("out/results.json")])
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said[-1] == (
        "trackio did not get everything: finish failed: ConnectionError: no network. "
        "The run is complete; its results are saved at out/results.json."
    )


def test_without_files_the_scores_are_those_printed(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    fakes(use, trackio="init")
    send(start(**ALL), RESULTS)
    assert "its scores are those printed (no --output_path)" in caplog.text


def test_trackers_of_a_run_that_stops_are_closed(use: Use) -> None:
    made = fakes(use)
    with pytest.raises(KeyboardInterrupt), stopped_on_failure(start(**ALL)):
        raise KeyboardInterrupt
    assert (made["wandb"].exit_code, made["mlflow"].status, made["trackio"].steps[-1]) == (1, "FAILED", "finish")


def test_ctrl_c_leaves_the_services_and_not_the_run(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    made = fakes(use)
    made["wandb"].fail, made["wandb"].error = "artifact", KeyboardInterrupt()
    assert not send(start(**ALL), RESULTS, saved=[Path("r.json")])
    assert made["mlflow"].status == "FAILED"
    assert "Interrupted while results were sent away. The run is complete" in caplog.text


def test_a_tracker_is_closed_once(use: Use) -> None:
    made = fakes(use)
    trackers = start(**ALL)
    stop(trackers)
    stop(trackers)
    assert made["trackio"].steps.count("finish") == 1
