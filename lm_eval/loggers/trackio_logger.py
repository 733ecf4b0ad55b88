"""Results in Trackio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.loggers._clients import check_arguments, keywords_of, load
from lm_eval.loggers._guard import guarded
from lm_eval.loggers._samples import conversation
from lm_eval.loggers._scores import flat_scores, run_config, score_table
from lm_eval.loggers._service import Service

__all__ = ["TrackioLogger"]


class TrackioLogger(Service):
    """Logs a run to Trackio: config, scores, tables of them, and the samples as conversations."""

    service: ClassVar[str] = "trackio"

    def __init__(self, init_args: Mapping[str, Any] | None = None) -> None:
        """Start a run of the tracker; before the evaluation, so that a mistake shows at once.

        Args:
            init_args: Arguments of ``trackio.init``; ``project`` is ``lm-eval`` unless given. ``step`` is that of
                what is logged.

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
        """Log config, scores and tables of them."""
        import pandas

        self.trackio.config.update(run_config(self.results))
        self.trackio.log(flat_scores(self.results), step=self._step)
        for key, column in (("eval_results", "results"), ("group_eval_results", "groups")):
            columns, rows = score_table(self.results, column)
            if rows:
                table = self.trackio.Table(dataframe=pandas.DataFrame(rows, columns=columns))
                self.trackio.log({f"evaluation/{key}": table}, step=self._step)

    @guarded
    def _log_samples(self, task: str, entries: Sequence[Mapping[str, Any]]) -> None:
        kind = ((self.results.get("configs") or {}).get(task) or {}).get("output_type", "")
        for entry in entries:
            messages, facts = conversation(task, entry, kind)
            trace = self.trackio.Trace(messages=messages, metadata=facts)
            self.trackio.log({f"{task}/sample": trace}, step=self._step)

    def finish(self, failed: bool = False) -> None:
        """End the tracker's run; waits until everything is sent.

        Args:
            failed: Whether the evaluation did not come to its end; Trackio does not note it.
        """
        self.guard("finish", lambda: self.trackio.finish(), last=True, hurry=failed)
