"""Results in MLflow."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, TypeVar

from lm_eval.config.redact import redact
from lm_eval.loggers._clients import check_arguments, load
from lm_eval.loggers._guard import guarded
from lm_eval.loggers._scores import flat_scores, run_config, saved_form, score_table
from lm_eval.loggers._service import Service
from lm_eval.results.atomic import to_json

__all__ = ["MLflowLogger"]

T = TypeVar("T")

_ARGUMENTS = ("tracking_uri", "experiment", "run_name", "tags", "description")
_METRICS_AT_ONCE, _PARAMETERS_AT_ONCE = 500, 100
_LONGEST_PARAMETER, _LONGEST_NAME = 500, 250
_NOT_IN_A_NAME = re.compile(r"[^\w\-. /]")


class MLflowLogger(Service):
    """Logs a run to MLflow: parameters, metrics, tables of scores, and results and samples as artifacts.

    Everything goes through a client with the run's id, so that an active run of the same process is left alone.

    Attributes:
        run_id: The run's id; None when it could not be started.
    """

    service: ClassVar[str] = "mlflow"

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        """Start a run; before the evaluation, so that a mistake shows at once.

        Args:
            args: ``tracking_uri`` (else MLflow's own settings decide), ``experiment`` (``lm-eval`` unless given),
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

    def _start(self, args: Mapping[str, Any]) -> str:
        self._client = self.mlflow.MlflowClient(tracking_uri=args.get("tracking_uri"))
        name = str(args.get("experiment") or "lm-eval")
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found is not None else self._client.create_experiment(name)
        tags = {str(key): str(value) for key, value in (args.get("tags") or {}).items()}
        if args.get("description"):
            tags["mlflow.note.content"] = str(args["description"])
        run = self._client.create_run(experiment, run_name=args.get("run_name"), tags=tags)
        return str(run.info.run_id)

    def log_eval_result(self) -> None:
        """Log parameters, metrics, and results and tables of scores as artifacts."""
        self._log_parameters()
        self._log_metrics()
        self._log_results()

    @guarded
    def _log_parameters(self) -> None:
        given = redact(self.results.get("config") or {})
        given = {key: value for key, value in given.items() if key != "model_info"}
        given["tasks"] = ",".join(self.results.get("configs") or {})
        make = self.mlflow.entities.Param
        found = [make(_name(key), _shown(value)) for key, value in _flattened(given) if value is not None]
        for chunk in _chunks(found, _PARAMETERS_AT_ONCE):
            self._client.log_batch(self.run_id, params=chunk)

    @guarded
    def _log_metrics(self) -> None:
        now, make = int(time.time() * 1000), self.mlflow.entities.Metric
        found = [make(_name(key), float(value), now, 0) for key, value in flat_scores(self.results).items()]
        for chunk in _chunks(found, _METRICS_AT_ONCE):
            self._client.log_batch(self.run_id, metrics=chunk)

    @guarded
    def _log_results(self) -> None:
        self._client.log_text(self.run_id, to_json(saved_form(self.results), indent=2), "results.json")
        self._client.log_text(self.run_id, to_json(run_config(self.results), indent=2), "config.json")
        for key, column in (("eval_results", "results"), ("group_eval_results", "groups")):
            columns, rows = score_table(self.results, column)
            if rows:
                data = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
                self._client.log_table(self.run_id, data=data, artifact_file=f"{key}.json")

    @guarded
    def _log_samples(self, task: str, entries: Sequence[Mapping[str, Any]]) -> None:
        lines = "".join(to_json(entry) + "\n" for entry in entries)
        self._client.log_text(self.run_id, lines, f"samples/{re.sub(r'[^A-Za-z0-9_.+-]', '_', task)}.jsonl")

    def finish(self, failed: bool = False) -> None:
        """End the run.

        Args:
            failed: Whether the evaluation did not come to its end.
        """
        status = "FAILED" if failed else "FINISHED"
        self.guard("finish", lambda: self._client.set_terminated(self.run_id, status=status), last=True, hurry=failed)


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Name entries of mappings within mappings ``outer.inner``."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _name(key: str) -> str:
    """Spell a name with the characters MLflow allows; a filter follows its metric after a slash."""
    return _NOT_IN_A_NAME.sub("_", key.replace(",", "/"))[:_LONGEST_NAME]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else to_json(value)
    return text if len(text) <= _LONGEST_PARAMETER else f"{text[: _LONGEST_PARAMETER - 1]}…"


def _chunks(entries: Sequence[T], size: int) -> Iterator[list[T]]:
    remaining = iter(entries)
    while chunk := list(islice(remaining, size)):
        yield chunk
