"""What loggers of scores and samples share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.loggers._guard import Guarded

__all__ = ["Service"]


class Service(Guarded):
    """A service that is told of a run's results, then of the samples of each task.

    Attributes:
        results: The result dict of the run; empty until ``post_init``.
    """

    results: Mapping[str, Any]

    def __init__(self) -> None:
        """Start without results."""
        super().__init__()
        self.results = {}

    def post_init(self, results: Mapping[str, Any]) -> None:
        """Take the results to be logged.

        Args:
            results: The result dict of a run.
        """
        self.results = results

    def log_eval_samples(self, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Log the samples of each task.

        Args:
            samples: Task name to samples.
        """
        for task, entries in samples.items():
            self._log_samples(task, entries)

    @abstractmethod
    def _log_samples(self, task: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Log a task's samples."""
