"""Experiment trackers of a run: started before it, told of its results after it, closed whatever happens."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.loggers._guard import Guarded, abandoned
from lm_eval.loggers.hub import HubTarget
from lm_eval.loggers.mlflow_logger import MLflowLogger
from lm_eval.loggers.trackio_logger import TrackioLogger
from lm_eval.loggers.wandb_logger import WandbLogger

__all__ = ["Tracker", "is_hanging", "report", "start", "stop", "stopped_on_failure", "tell"]

eval_logger = logging.getLogger("lm_eval")

Tracker = WandbLogger | TrackioLogger | MLflowLogger
"""Its methods raise nothing but KeyboardInterrupt."""


def is_hanging() -> bool:
    """Return whether the client of a service hangs, so that the process has to end without its exit handlers."""
    return bool(abandoned)


def start(
    wandb_args: Mapping[str, Any] | None = None,
    wandb_config_args: Mapping[str, Any] | None = None,
    trackio_args: Mapping[str, Any] | None = None,
    mlflow_args: Mapping[str, Any] | None = None,
    hub: HubTarget | None = None,
) -> list[Tracker]:
    """Start the trackers that were asked for; one that cannot be reached says so in the log and stays silent.

    Args:
        wandb_args: Arguments of ``wandb.init``; these and ``wandb_config_args`` empty means no Weights & Biases.
        wandb_config_args: Further values for its run's config.
        trackio_args: Arguments of ``trackio.init``; empty means no Trackio.
        mlflow_args: Arguments of ``MLflowLogger``; empty means no MLflow.
        hub: Where on the Hub files will go; it is told to look whether they can.

    Returns:
        The trackers.

    Raises:
        MissingPackageError: A tracker's package is not installed.
        ConfigError: An argument that a tracker does not take.
    """
    trackers: list[Tracker] = []
    try:
        if wandb_args or wandb_config_args:
            trackers.append(WandbLogger(wandb_args, wandb_config_args))
        if trackio_args:
            trackers.append(TrackioLogger(trackio_args))
        if mlflow_args:
            trackers.append(MLflowLogger(mlflow_args))
        if hub is not None:
            hub.check()
    except BaseException:
        stop(trackers)
        raise
    return trackers


def report(
    trackers: Sequence[Tracker],
    results: Mapping[str, Any],
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Tell trackers how the run ended, and close them.

    Args:
        trackers: What ``start`` returned.
        results: The result dict.
        samples: Task name to samples, when they are logged.
    """
    for tracker in trackers:
        tracker.post_init(results)
        tracker.log_eval_result()
        if samples:
            tracker.log_eval_samples(samples)
        tracker.finish()


def stop(trackers: Iterable[Tracker]) -> None:
    """Close trackers of a run that did not come to its end.

    Args:
        trackers: What ``start`` returned.
    """
    for tracker in trackers:
        with contextlib.suppress(KeyboardInterrupt):  # the next is closed too
            tracker.finish(failed=True)


@contextlib.contextmanager
def stopped_on_failure(trackers: Sequence[Tracker]) -> Iterator[None]:
    """Close trackers when the run in the block does not come to its end.

    Args:
        trackers: What ``start`` returned.
    """
    try:
        yield
    except BaseException:
        stop(trackers)
        raise


def tell(
    trackers: Sequence[Tracker],
    results: Mapping[str, Any],
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    *,
    hub: HubTarget | None = None,
    saved: Sequence[Path] = (),
) -> bool:
    """Tell every service of a run that is done and saved; Ctrl-C leaves the services, not the run.

    Args:
        trackers: What ``start`` returned.
        results: The result dict.
        samples: Task name to samples, when they are logged.
        hub: Where on the Hub files go.
        saved: The files of the run, the results first.

    Returns:
        Whether all services got everything; what did not is logged, with where the results are.
    """
    failed = []
    try:
        if hub is not None:
            hub.push()
        report(trackers, results, samples)
    except KeyboardInterrupt:
        failed.append("Interrupted while results were sent away.")
        stop(trackers)
    services: list[Guarded] = [*([hub] if hub is not None else []), *trackers]
    for service in services:
        if service.failures:
            more = f" and {len(service.failures) - 1} more" if len(service.failures) > 1 else ""
            failed.append(f"{service.service} did not get everything: {service.failures[0]}{more}.")
    where = f"its results are saved at {saved[0]}" if saved else "its scores are those printed (no --output_path)"
    for what in failed:
        eval_logger.error("%s The run is whole; %s.", what, where)
    return not failed
