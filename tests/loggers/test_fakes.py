"""The fakes have the signatures of the real clients, if these are installed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from tests.loggers.fakes import FakeTrackio, FakeWandb, MlflowClient, WandbRun


def _names(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self"}


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakeWandb.init, "init"),
        (FakeWandb.Table, "Table.__init__"),
        (FakeWandb.Artifact, "Artifact.__init__"),
        (WandbRun.log, "Run.log"),
        (WandbRun.log_artifact, "Run.log_artifact"),
        (WandbRun.finish, "Run.finish"),
    ],
)
def test_wandb_takes_the_arguments_of_its_fake(fake: Callable[..., Any], real: str) -> None:
    _check(pytest.importorskip("wandb"), fake, real)


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakeTrackio.init, "init"),
        (FakeTrackio.log, "log"),
        (FakeTrackio.finish, "finish"),
        (FakeTrackio.Table, "Table.__init__"),
        (FakeTrackio.Trace, "Trace.__init__"),
    ],
)
def test_trackio_takes_the_arguments_of_its_fake(fake: Callable[..., Any], real: str) -> None:
    _check(pytest.importorskip("trackio"), fake, real)


@pytest.mark.parametrize(
    "name",
    [
        "get_experiment_by_name",
        "create_experiment",
        "create_run",
        "log_batch",
        "log_text",
        "log_table",
        "set_terminated",
    ],
)
def test_mlflow_takes_the_arguments_of_its_fake(name: str) -> None:
    _check(pytest.importorskip("mlflow"), getattr(MlflowClient, name), f"MlflowClient.{name}")


def _check(package: Any, fake: Callable[..., Any], path: str) -> None:
    real = package
    for name in path.split("."):
        real = getattr(real, name)
    assert _names(fake) <= _names(real)
