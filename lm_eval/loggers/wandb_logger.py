"""Results in Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.loggers._files import to_json
from lm_eval.loggers._guard import guarded, load
from lm_eval.loggers._scores import flat_scores, run_config, sample_rows

__all__ = ["WandbLogger"]


class WandbLogger:
    """Logs a run to Weights & Biases: scores to the summary, tables and the full results as an artifact."""

    def __init__(
        self, init_args: Mapping[str, Any] | None = None, config_args: Mapping[str, Any] | None = None
    ) -> None:
        """Start, or join, a run of the tracker; before the evaluation, so that a mistake shows at once.

        When the service cannot be reached that is logged, and nothing else is sent to it.

        Args:
            init_args: Arguments of ``wandb.init``.
            config_args: Further values for the run's config.

        Raises:
            MissingPackageError: wandb is not installed.
        """
        self.wandb = load("wandb")
        self.results: Mapping[str, Any] = {}
        self.alive = True
        self.run: Any = self._start(init_args or {}, config_args or {})
        self.alive = self.run is not None

    @guarded
    def _start(self, init_args: Mapping[str, Any], config_args: Mapping[str, Any]) -> Any:
        run = self.wandb.run or self.wandb.init(**{"job_type": "eval", **init_args})
        run.config.update(dict(config_args))
        return run

    @guarded
    def post_init(self, results: Mapping[str, Any]) -> None:
        """Take the results to be logged.

        Args:
            results: The result dict of a run.
        """
        self.results = results

    @guarded
    def log_eval_result(self) -> None:
        """Log config, scores, a table of them, and the results as an artifact."""
        self.run.config.update(run_config(self.results), allow_val_change=True)
        scores = flat_scores(self.results)
        self.run.summary.update(scores)
        self.run.log(scores)
        table = self.wandb.Table(columns=["score", "value"], data=[list(pair) for pair in scores.items()])
        self.run.log({"evaluation/eval_results": table})
        content = {key: value for key, value in self.results.items() if key != "samples"}
        self._log_artifact("results", "eval_results", "results.json", to_json(content, indent=2))

    @guarded
    def log_eval_samples(self, samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Log a table and an artifact of samples a task.

        Args:
            samples: Task name to samples.
        """
        for task, entries in samples.items():
            columns, rows = sample_rows(entries)
            self.run.log({f"{task}_eval_results": self.wandb.Table(columns=columns, data=rows)})
            lines = "".join(to_json(entry) + "\n" for entry in entries)
            self._log_artifact(f"samples_{task}", "samples_by_task", f"{task}_eval_samples.jsonl", lines)

    def _log_artifact(self, name: str, kind: str, file_name: str, content: str) -> None:
        safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)
        artifact = self.wandb.Artifact(f"run-{self.run.id}-{safe}", type=kind)
        with artifact.new_file(file_name, mode="w", encoding="utf-8") as file:
            file.write(content)
        self.run.log_artifact(artifact)

    @guarded
    def finish(self) -> None:
        """End the tracker's run."""
        self.run.finish()
