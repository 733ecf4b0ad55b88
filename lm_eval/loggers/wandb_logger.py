"""Results in Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.loggers._clients import check_arguments, keywords_of, load
from lm_eval.loggers._guard import guarded
from lm_eval.loggers._samples import sample_rows
from lm_eval.loggers._scores import flat_scores, run_config, saved_form, score_table
from lm_eval.loggers._service import Service
from lm_eval.results.atomic import to_json

__all__ = ["WandbLogger"]


class WandbLogger(Service):
    """Logs a run to Weights & Biases: scores, tables of them and of samples, and both as artifacts.

    Attributes:
        run: The tracker's run; None when it could not be started.
    """

    service: ClassVar[str] = "wandb"

    def __init__(
        self, init_args: Mapping[str, Any] | None = None, config_args: Mapping[str, Any] | None = None
    ) -> None:
        """Start, or join, a run of the tracker; before the evaluation, so that a mistake shows at once.

        When the service cannot be reached that is logged, and nothing else is sent to it.

        Args:
            init_args: Arguments of ``wandb.init``; ``job_type`` is ``eval`` unless given. ``step`` is that of what is
                logged.
            config_args: Further values for the run's config.

        Raises:
            MissingPackageError: wandb is not installed.
            ConfigError: ``wandb.init`` has no such argument.
        """
        super().__init__()
        self.wandb = load("wandb", "init")
        given = {"job_type": "eval", **(init_args or {})}
        self._step = given.pop("step", None)
        known = keywords_of(self.wandb.init)
        check_arguments("wandb_args", given, known and [*known, "step"])
        self.run: Any = self.guard("start", lambda: self._start(given, config_args or {}), starting=True)

    def _start(self, init_args: Mapping[str, Any], config_args: Mapping[str, Any]) -> Any:
        run = self.wandb.run or self.wandb.init(**init_args)
        run.config.update(dict(config_args))
        return run

    def log_eval_result(self) -> None:
        """Log config, scores, tables of them, and the results as an artifact."""
        self._log_scores()
        self._log_tables()
        self._log_results()

    @guarded
    def _log_scores(self) -> None:
        self.run.config.update(run_config(self.results), allow_val_change=True)
        rows = (self.results.get("results") or {}).items()
        self.run.summary.update(
            {f"{name}/{key}": row[key] for name, row in rows for key in ("name", "alias") if key in row}
        )
        self.run.log(flat_scores(self.results), step=self._step)

    @guarded
    def _log_tables(self) -> None:
        for key, column in (("eval_results", "results"), ("group_eval_results", "groups")):
            columns, rows = score_table(self.results, column)
            if rows:
                self.run.log({f"evaluation/{key}": self.wandb.Table(columns=columns, data=rows)}, step=self._step)

    @guarded
    def _log_results(self) -> None:
        self._log_artifact("results", "eval_results", "results.json", to_json(saved_form(self.results), indent=2))

    @guarded
    def _log_samples(self, task: str, entries: Sequence[Mapping[str, Any]]) -> None:
        kind = ((self.results.get("configs") or {}).get(task) or {}).get("output_type", "")
        columns, rows = sample_rows(entries, kind)
        self.run.log({f"{task}_eval_results": self.wandb.Table(columns=columns, data=rows)}, step=self._step)
        content = "[\n" + ",\n".join(map(to_json, entries)) + "\n]\n"
        self._log_artifact(task, "samples_by_task", f"{task}_eval_samples.json", content)

    def _log_artifact(self, name: str, kind: str, file_name: str, content: str) -> None:
        artifact = self.wandb.Artifact(_plain(name), type=kind)
        with artifact.new_file(_plain(file_name), mode="w", encoding="utf-8") as file:
            file.write(content)
        self.run.log_artifact(artifact)

    def finish(self, failed: bool = False) -> None:
        """End the tracker's run; waits until everything is sent.

        Args:
            failed: Whether the evaluation did not come to its end.
        """
        self.guard("finish", lambda: self.run.finish(exit_code=int(failed)), last=True, hurry=failed)


def _plain(name: str) -> str:
    """Replace characters that names of artifacts cannot have."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in name)[:128]
