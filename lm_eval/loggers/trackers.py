"""Experiment trackers of a run: started before it, told of its results after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from lm_eval.loggers.trackio_logger import TrackioLogger
from lm_eval.loggers.wandb_logger import WandbLogger

__all__ = ["Tracker", "report", "start"]


class Tracker(Protocol):
    """What a tracker's adapter does; none of it raises for the tracker's failures."""

    def post_init(self, results: Mapping[str, Any]) -> None:
        """Take the results to be logged."""

    def log_eval_result(self) -> None:
        """Log config and scores."""

    def log_eval_samples(self, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Log the samples of each task."""

    def finish(self) -> None:
        """End the tracker's run."""


def start(
    wandb_args: Mapping[str, Any] | None = None,
    wandb_config_args: Mapping[str, Any] | None = None,
    trackio_args: Mapping[str, Any] | None = None,
) -> list[Tracker]:
    """Start the trackers that were asked for; one that cannot be reached says so in the log and stays silent.

    Args:
        wandb_args: Arguments of ``wandb.init``; these and ``wandb_config_args`` empty means no Weights & Biases.
        wandb_config_args: Further values for its run's config.
        trackio_args: Arguments of ``trackio.init``; empty means no Trackio.

    Returns:
        The trackers.

    Raises:
        MissingPackageError: A tracker's package is not installed.
    """
    trackers: list[Tracker] = []
    if wandb_args or wandb_config_args:
        trackers.append(WandbLogger(wandb_args, wandb_config_args))
    if trackio_args:
        trackers.append(TrackioLogger(trackio_args))
    return trackers


def report(
    trackers: Sequence[Tracker],
    results: Mapping[str, Any],
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> None:
    """Tell trackers how the run ended.

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
