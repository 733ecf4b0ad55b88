"""Log a run to MLflow."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from lm_eval.config.redact import redact
from lm_eval.loggers._clients import check_arguments, check_reachable, load
from lm_eval.loggers._scores import flat_scores, run_config, saved_form, score_tables
from lm_eval.loggers._tracker import Line, Tracker
from lm_eval.loggers.guard import guarded
from lm_eval.results.atomic import to_json
from lm_eval.results.json_values import as_mapping
from lm_eval.results.names import hashed_name
from lm_eval.text import shorten

__all__ = ["MLflowLogger"]

T = TypeVar("T")

_ARGUMENTS = ("tracking_uri", "experiment", "run_name", "tags", "description")
_METRICS_PER_CALL, _PARAMETERS_PER_CALL = 500, 100
_MAX_PARAMETER, _MAX_NAME = 500, 250
_MAX_FILE_NAME = 200
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]")


class MLflowLogger(Tracker):
    """Logs a run to MLflow: parameters, metrics, tables of scores, and results and samples as artifacts.

    Every call goes through a client with the run's id, so that another active run of the process is not touched.

    Attributes:
        run_id: The run's id; None when it could not be started.
    """

    service: ClassVar[str] = "mlflow"

    def __init__(self, args: Mapping[str, object] | None = None) -> None:
        """Start a run before the evaluation, so that a mistake shows at once.

        Args:
            args: ``tracking_uri`` (by default MLflow's settings decide), ``experiment`` (``lm-eval`` by default),
                ``run_name``, ``description``, ``tags`` (a mapping).

        Raises:
            MissingPackageError: mlflow is not installed.
            ConfigError: There is no such argument.
        """
        super().__init__()
        given = dict(args or {})
        check_arguments("mlflow_args", given, _ARGUMENTS)
        self.mlflow = load("mlflow", "MlflowClient")
        self._client: Any = None
        self.run_id: str | None = self.guard("start", lambda: self._start(given), starting=True)

    def _start(self, args: Mapping[str, object]) -> str:
        check_reachable(str(args.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI") or ""))
        self._client = self.mlflow.MlflowClient(tracking_uri=args.get("tracking_uri"))
        name = str(args.get("experiment") or "lm-eval")
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found is not None else self._client.create_experiment(name)
        tags = {str(key): str(value) for key, value in as_mapping(args.get("tags")).items()}
        if args.get("description"):
            tags["mlflow.note.content"] = str(args["description"])
        run = self._client.create_run(experiment, run_name=args.get("run_name"), tags=tags)
        return str(run.info.run_id)

    def log_eval_result(self) -> None:
        """Log parameters, metrics, and as artifacts the results and tables of scores."""
        self._log_parameters()
        self._log_metrics()
        self._log_results()

    @guarded
    def _log_parameters(self) -> None:
        given = {key: value for key, value in redact(self.results.config).items() if key != "model_info"}
        given["tasks"] = ",".join(self.results.section("configs"))
        param = self.mlflow.entities.Param
        found = [param(_name(key), _shown(value)) for key, value in _flattened(given) if value is not None]
        for chunk in _chunks(found, _PARAMETERS_PER_CALL):
            self._client.log_batch(self.run_id, params=chunk)

    @guarded
    def _log_metrics(self) -> None:
        now, metric = int(time.time() * 1000), self.mlflow.entities.Metric
        found = [metric(_name(key), float(value), now, 0) for key, value in flat_scores(self.results).items()]
        for chunk in _chunks(found, _METRICS_PER_CALL):
            self._client.log_batch(self.run_id, metrics=chunk)

    @guarded
    def _log_results(self) -> None:
        self._client.log_text(self.run_id, to_json(saved_form(self.results), indent=2), "results.json")
        self._client.log_text(self.run_id, to_json(run_config(self.results), indent=2), "config.json")
        for name, columns, rows in score_tables(self.results):
            data = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
            self._client.log_table(self.run_id, data=data, artifact_file=f"{name}.json")

    @guarded
    def _log_samples(self, task: str, lines: Sequence[Line]) -> None:
        text = "".join(to_json(line) + "\n" for line in lines)
        plain = re.sub(r"[^A-Za-z0-9_.+-]", "_", task)[:_MAX_FILE_NAME]
        name = self._names.choose(task, plain, hashed_name(plain, task))
        self._client.log_text(self.run_id, text, f"samples/{name}.jsonl")

    def finish(self, failed: bool = False) -> None:
        """Close the run.

        Args:
            failed: Whether the evaluation failed or was interrupted.
        """
        status = "FAILED" if failed else "FINISHED"
        self.guard("finish", lambda: self._client.set_terminated(self.run_id, status=status), last=True, hurry=failed)


def _flattened(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Flatten mappings within mappings to names such as ``outer.inner``."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _name(key: str) -> str:
    """Write a name with the characters that MLflow allows; a slash separates metric and filter."""
    return _NOT_IN_A_NAME.sub("_", key.replace(",", "/"))[:_MAX_NAME]


def _shown(value: object) -> str:
    return shorten(value if isinstance(value, str) else to_json(value), _MAX_PARAMETER)


def _chunks(entries: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))
