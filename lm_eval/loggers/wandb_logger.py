"""Log a run to Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.loggers._clients import check_arguments, check_reachable, keywords_of, load
from lm_eval.loggers._samples import sample_rows
from lm_eval.loggers._scores import flat_scores, run_config, saved_form, score_tables
from lm_eval.loggers._tracker import Line, Tracker
from lm_eval.loggers.guard import guarded
from lm_eval.results.atomic import to_json
from lm_eval.results.names import hashed_name
from lm_eval.results.sample import Sample

__all__ = ["WandbLogger"]


class WandbLogger(Tracker):
    """Logs a run to Weights & Biases: scores, tables of scores and samples, and both as artifacts.

    Attributes:
        run: The tracker's run; None when it could not be started.
    """

    service: ClassVar[str] = "wandb"

    def __init__(
        self, init_args: Mapping[str, object] | None = None, config_args: Mapping[str, object] | None = None
    ) -> None:
        """Start or join a run of the tracker before the evaluation, so that a mistake shows at once.

        When the service cannot be reached, the log says so, and nothing else is sent to it.

        Args:
            init_args: Arguments of ``wandb.init``; ``job_type`` is ``eval`` by default. ``step`` is the step at which
                values are logged.
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

    def _start(self, init_args: Mapping[str, object], config_args: Mapping[str, object]) -> Any:
        if not self.wandb.run and (init_args.get("mode") or os.environ.get("WANDB_MODE") or "online") == "online":
            check_reachable(os.environ.get("WANDB_BASE_URL", ""))
        run = self.wandb.run or self.wandb.init(**init_args)
        run.config.update(dict(config_args))
        return run

    def log_eval_result(self) -> None:
        """Log the configuration, the scores, tables of scores, and the results as an artifact."""
        self._log_scores()
        self._log_tables()
        self._log_results()

    @guarded
    def _log_scores(self) -> None:
        self.run.config.update(run_config(self.results), allow_val_change=True)
        named = [(name, key) for name in self.results.section("results") for key in ("name", "alias")]
        summary = {f"{name}/{key}": self.results.at("results", name, key) for name, key in named}
        self.run.summary.update({key: value for key, value in summary.items() if value is not None})
        self.run.log(flat_scores(self.results), step=self._step)

    @guarded
    def _log_tables(self) -> None:
        for name, columns, rows in score_tables(self.results):
            self.run.log({f"evaluation/{name}": self.wandb.Table(columns=columns, data=rows)}, step=self._step)

    @guarded
    def _log_results(self) -> None:
        self._log_artifact("results", "eval_results", "results.json", to_json(saved_form(self.results), indent=2))

    @guarded
    def _log_samples(self, task: str, lines: Sequence[Line]) -> None:
        columns, rows = sample_rows([Sample(line) for line in lines], self._output_type(task))
        self.run.log({f"{task}_eval_results": self.wandb.Table(columns=columns, data=rows)}, step=self._step)
        content = "[\n" + ",\n".join(map(to_json, lines)) + "\n]\n"
        self._log_artifact(task, "samples_by_task", f"{task}_eval_samples.json", content)

    def _log_artifact(self, name: str, kind: str, file_name: str, content: str) -> None:
        plain = _artifact_name(name)
        # wandb takes an artifact with a name that it knows for a newer version of that artifact.
        artifact = self.wandb.Artifact(self._names.choose(name, plain, hashed_name(plain[:100], name)), type=kind)
        with artifact.new_file(_artifact_name(file_name), mode="w", encoding="utf-8") as file:
            file.write(content)
        self.run.log_artifact(artifact)

    def finish(self, failed: bool = False) -> None:
        """Close the tracker's run; wait until everything is sent.

        Args:
            failed: Whether the evaluation failed or was interrupted.
        """
        self.guard("finish", lambda: self.run.finish(exit_code=int(failed)), last=True, hurry=failed)


def _artifact_name(name: str) -> str:
    """Replace characters that the names of artifacts cannot have."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in name)[:128]
