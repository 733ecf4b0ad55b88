"""Log a run to Trackio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from lm_eval.loggers._clients import check_arguments, keywords_of, load
from lm_eval.loggers._samples import conversation
from lm_eval.loggers._scores import flat_scores, run_config, score_tables
from lm_eval.loggers._tracker import Line, Tracker
from lm_eval.loggers.guard import guarded
from lm_eval.results.sample import Sample

__all__ = ["TrackioLogger"]


class TrackioLogger(Tracker):
    """Logs a run to Trackio: configuration, scores, tables of scores, and the samples as conversations."""

    service: ClassVar[str] = "trackio"

    def __init__(self, init_args: Mapping[str, object] | None = None) -> None:
        """Start a run of the tracker before the evaluation, so that a mistake shows at once.

        Args:
            init_args: Arguments of ``trackio.init``; ``project`` is ``lm-eval`` by default. ``step`` is the step at
                which values are logged.

        Raises:
            MissingPackageError: trackio is not installed.
            ConfigError: ``trackio.init`` has no such argument.
        """
        super().__init__()
        self.trackio = load("trackio", "init")
        given = {"project": "lm-eval", **(init_args or {})}
        self._step = given.pop("step", None)
        known = keywords_of(self.trackio.init)
        check_arguments("trackio_args", given, known and [*known, "step"])
        self.guard("start", lambda: self.trackio.init(**given), starting=True)

    @guarded
    def log_eval_result(self) -> None:
        """Log the configuration, the scores and tables of scores."""
        import pandas

        self.trackio.config.update(run_config(self.results))
        self.trackio.log(flat_scores(self.results), step=self._step)
        for name, columns, rows in score_tables(self.results):
            table = self.trackio.Table(dataframe=pandas.DataFrame(rows, columns=columns))
            self.trackio.log({f"evaluation/{name}": table}, step=self._step)

    @guarded
    def _log_samples(self, task: str, lines: Sequence[Line]) -> None:
        for line in lines:
            messages, facts = conversation(task, Sample(line), self._output_type(task))
            trace = self.trackio.Trace(messages=messages, metadata=facts)
            self.trackio.log({f"{task}/sample": trace}, step=self._step)

    def finish(self, failed: bool = False) -> None:
        """Close the tracker's run; wait until everything is sent.

        Args:
            failed: Whether the evaluation failed or was interrupted; Trackio does not record it.
        """
        self.guard("finish", lambda: self.trackio.finish(), last=True, hurry=failed)
