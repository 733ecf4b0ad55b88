"""Results in Trackio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.loggers._guard import guarded, load
from lm_eval.loggers._scores import flat_scores, run_config, sample_rows

__all__ = ["TrackioLogger"]


class TrackioLogger:
    """Logs a run to Trackio: config, scores, and a table of samples a task."""

    def __init__(self, init_args: Mapping[str, Any] | None = None) -> None:
        """Remember how to start a run of the tracker; it starts when the results, and so its config, are known.

        Args:
            init_args: Arguments of ``trackio.init``; ``project`` is ``lm-eval`` unless given.

        Raises:
            MissingPackageError: trackio is not installed.
        """
        self.trackio = load("trackio")
        self.init_args = {"project": "lm-eval", **(init_args or {})}
        self.results: Mapping[str, Any] = {}
        self.alive = True

    def post_init(self, results: Mapping[str, Any]) -> None:
        """Take the results and start the tracker's run.

        Args:
            results: The result dict of a run.
        """
        self.results = results
        self.alive = self._start() is not None

    @guarded
    def _start(self) -> bool:
        given = self.init_args.get("config") or {}
        self.trackio.init(**{**self.init_args, "config": {**run_config(self.results), **given}})
        return True

    @guarded
    def log_eval_result(self) -> None:
        """Log every score."""
        self.trackio.log(flat_scores(self.results))

    @guarded
    def log_eval_samples(self, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Log a table of samples a task.

        Args:
            samples: Task name to samples.
        """
        pandas = load("pandas")
        for task, entries in samples.items():
            columns, rows = sample_rows(entries)
            table = self.trackio.Table(dataframe=pandas.DataFrame(rows, columns=columns))
            self.trackio.log({f"{task}_samples": table})

    @guarded
    def finish(self) -> None:
        """End the tracker's run."""
        self.trackio.finish()
