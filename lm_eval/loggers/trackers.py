"""Start the experiment trackers before a run, send them the results after it, and close them in every case."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lm_eval.loggers._tracker import Line, Tracker
from lm_eval.loggers.guard import Guarded
from lm_eval.loggers.hub import HubTarget
from lm_eval.loggers.mlflow_logger import MLflowLogger
from lm_eval.loggers.trackio_logger import TrackioLogger
from lm_eval.loggers.wandb_logger import WandbLogger
from lm_eval.text import first_names

__all__ = ["Tracker", "send", "start", "stop", "stopped_on_failure"]

eval_logger = logging.getLogger("lm_eval")


def start(
    wandb_args: Mapping[str, object] | None = None,
    wandb_config_args: Mapping[str, object] | None = None,
    trackio_args: Mapping[str, object] | None = None,
    mlflow_args: Mapping[str, object] | None = None,
    hub: HubTarget | None = None,
) -> list[Tracker]:
    """Start the trackers that have arguments; one that cannot be reached is named in the log and sends nothing.

    Args:
        wandb_args: Arguments of ``wandb.init``. Weights & Biases is used when these or ``wandb_config_args`` are given.
        wandb_config_args: Further values for its run's config.
        trackio_args: Arguments of ``trackio.init``; empty means no Trackio.
        mlflow_args: Arguments of ``MLflowLogger``; empty means no MLflow.
        hub: The repositories on the Hub for the files; they are created.

    Returns:
        The trackers.

    Raises:
        MissingPackageError: A tracker's package is not installed.
        ConfigError: A tracker does not know an argument.
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


def stop(trackers: Iterable[Tracker]) -> None:
    """Close the trackers of a run that failed or was interrupted.

    Args:
        trackers: The return value of ``start``.
    """
    for tracker in trackers:
        with contextlib.suppress(KeyboardInterrupt):  # so that the other trackers are closed, too
            tracker.finish(failed=True)


@contextlib.contextmanager
def stopped_on_failure(trackers: Sequence[Tracker]) -> Iterator[None]:
    """Close trackers when the run in the block fails or is interrupted.

    Args:
        trackers: The return value of ``start``.
    """
    try:
        yield
    except BaseException:
        stop(trackers)
        raise


def send(
    trackers: Sequence[Tracker],
    results: Mapping[str, object],
    samples: Mapping[str, Sequence[Line]] | None = None,
    *,
    hub: HubTarget | None = None,
    saved: Sequence[Path] = (),
) -> bool:
    """Send a run that is done and saved to every service, and close the trackers.

    Ctrl-C ends the sending, not the run.

    Args:
        trackers: The return value of ``start``.
        results: The result dict.
        samples: Task name to samples, when they are logged.
        hub: The repositories on the Hub for the files.
        saved: The files of the run, the results first.

    Returns:
        Whether all services got everything; the log names what did not, and where the results are.
    """
    failed = []
    try:
        if hub is not None:
            hub.push()
        for tracker in trackers:
            tracker.post_init(results)
            tracker.log_eval_result()
            if samples:
                tracker.log_eval_samples(samples)
            tracker.finish()
    except KeyboardInterrupt:
        failed.append("Interrupted while results were sent away.")
        stop(trackers)
    services: list[Guarded] = [*([hub] if hub is not None else []), *trackers]
    for service in services:
        if service.failures:
            failed.append(f"{service.service} did not get everything: {first_names(service.failures, 1)}.")
    where = f"its results are saved at {saved[0]}" if saved else "its scores are those printed (no --output_path)"
    for what in failed:
        eval_logger.error("%s The run is complete; %s.", what, where)
    return not failed
