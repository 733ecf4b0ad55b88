"""Read both runs' samples of each task once and compute the rows of the comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from lm_eval.api.result_keys import score_key
from lm_eval.reports.compare.groups import group_rows
from lm_eval.reports.compare.pairing import Pairing, of_filter, pair_samples
from lm_eval.reports.compare.rows import TestedRow, task_row
from lm_eval.reports.compare.types import Row
from lm_eval.results import Run, Sample
from lm_eval.statistics.multiple import holm

__all__ = ["PairedRuns"]


class PairedRuns:
    """The differences between two runs, collected task by task.

    ``lm_eval compare`` and ``lm_eval report --against`` both show these rows, so that their numbers agree.

    Attributes:
        pairings: Task to the counts of its pairings, one per filter, without the samples.
        tasks: The tasks that both runs have.
    """

    def __init__(self, run_a: Run, run_b: Run, wanted: Collection[str] | None = None, *, flips: bool = True) -> None:
        """Start without a task.

        Args:
            run_a: The run to compare with.
            run_b: The run that is compared; differences are B minus A.
            wanted: The ``metric,filter`` keys to compare; None means all.
            flips: Whether rows list the documents that changed.
        """
        self.pairings: dict[str, list[Pairing]] = {}
        self.tasks = set(run_a.tasks) & set(run_b.tasks)
        self._a, self._b, self._wanted, self._flips = run_a, run_b, wanted, flips
        self._tested: list[TestedRow] = []

    def add(self, task: str) -> tuple[list[Sample], dict[str, Pairing]]:
        """Read a task's samples in both runs and compare its scores.

        Args:
            task: A task of both runs.

        Returns:
            B's samples, and filter pipeline to its pairs of samples; both are empty unless both runs saved samples.
            They are not kept here: the samples of all tasks at once would fill the memory.

        Raises:
            ConfigError: A samples file cannot be read.
        """
        both = task in self._a.sample_files and task in self._b.sample_files
        samples_a, samples_b = (list(run.read(task)) if both else [] for run in (self._a, self._b))
        pairings = pair_samples(samples_a, samples_b)
        scores_b = {score.key: score for score in self._b.members[task].scores}
        for score in self._a.members[task].scores:
            if score.key in scores_b and self._wants(score.key):
                self._tested.append(
                    task_row(
                        score,
                        scores_b[score.key],
                        of_filter(samples_a, score.filter),
                        of_filter(samples_b, score.filter),
                        pairings.get(score.filter),
                        flips=self._flips,
                    )
                )
        self.pairings[task] = [replace(pairing, pairs=[]) for pairing in pairings.values()]
        return samples_b, pairings

    def rows(self, groups: Iterable[str] | None = None) -> tuple[list[Row], list[Row]]:
        """Return the rows of the tasks that were added and of groups, with p-values corrected for the other tests.

        Args:
            groups: The groups to compare; None means all.

        Returns:
            The rows of tasks and the rows of groups. Holm's correction takes each list as one family of tests.
        """
        if groups is None:
            groups = self._a.group_subtasks
        of_groups = group_rows(self._a, self._b, groups, self._tested)
        return (
            _corrected([row for row, _ in self._tested]),
            _corrected([row for row in of_groups if self._wants(score_key(row.metric, row.filter))]),
        )

    def _wants(self, key: str) -> bool:
        return self._wanted is None or key in self._wanted


def _corrected(rows: Sequence[Row]) -> list[Row]:
    """Add p-values with Holm's correction over all rows that have a test."""
    adjusted = iter(holm([row.p_value for row in rows if row.p_value is not None]))
    return [row if row.p_value is None else replace(row, p_holm=next(adjusted)) for row in rows]
