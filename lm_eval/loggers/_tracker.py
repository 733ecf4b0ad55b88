"""The base of experiment trackers, which get a run's scores and samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from lm_eval.loggers.guard import Guarded
from lm_eval.results.names import DistinctNames
from lm_eval.results.run import Results

__all__ = ["Line", "Tracker"]

Line = Mapping[str, object]
"""A sample as ``results["samples"]`` has it."""


class Tracker(Guarded):
    """An experiment tracker: it gets a run's results, then the samples of each task.

    Its methods raise nothing but KeyboardInterrupt.

    Attributes:
        results: The results of the run; empty until ``post_init``.
    """

    def __init__(self) -> None:
        """Start without results."""
        super().__init__()
        self.results = Results({})
        self._names = DistinctNames()

    def post_init(self, results: Mapping[str, object]) -> None:
        """Set the results to be logged.

        Args:
            results: The result dict of a run.
        """
        self.results = Results(results)

    @abstractmethod
    def log_eval_result(self) -> None:
        """Log the configuration and the scores."""

    def log_eval_samples(self, samples: Mapping[str, Sequence[Line]]) -> None:
        """Log the samples of each task.

        Args:
            samples: Task name to samples.
        """
        for task, lines in samples.items():
            self._log_samples(task, lines)

    @abstractmethod
    def _log_samples(self, task: str, lines: Sequence[Line]) -> None:
        """Log a task's samples."""

    @abstractmethod
    def finish(self, failed: bool = False) -> None:
        """Close the tracker's run; wait until everything is sent.

        Args:
            failed: Whether the evaluation failed or was interrupted.
        """

    def _output_type(self, task: str) -> str:
        member = self.results.members.get(task)
        return member.output_type if member is not None else ""
