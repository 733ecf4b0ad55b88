"""Fake clients of services: the parts that the loggers use, with the real signatures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

RESULTS: dict[str, Any] = {
    "results": {
        "t": {"name": "t", "alias": "T", "sample_len": 8, "acc,none": 0.5, "acc_stderr,none": "N/A", "n_errors": 2},
        "u": {"name": "u", "alias": "u", "sample_len": 4, "em,flex": 1.0, "em_stderr,flex": 0.25},
        "g": {"name": "g", "alias": "g", "sample_len": 12, "acc,none": 0.5, "acc_stderr,none": 0.1},
    },
    "groups": {"g": {"alias": "g", "acc,none": 0.5, "acc_stderr,none": 0.1}},
    "versions": {"t": 1.0, "u": 2, "g": "N/A"},
    "n-shot": {"t": 0, "u": 5},
    "configs": {"t": {"task": "t", "output_type": "multiple_choice", "metadata": {"api_key": "s3cret"}}, "u": {}},
    "config": {
        "model": "local-completions",
        "model_args": {"model": "m", "api_key": "s3cret"},
        "limit": None,
        "model_info": {"run": {"requests": 9, "prompt_tokens": 100, "cost": None}},
    },
    "errors": {"lost": 2},
    "total_evaluation_time_seconds": 1.5,
}
SAMPLES: dict[str, Any] = {
    "t": [
        {
            "doc_id": 0,
            "filter": "none",
            "target": 1,
            "arguments": [("Q:", " no"), ("Q:", " yes")],
            "resps": [[(-2.0, False)], [(-1.0, True)]],
            "filtered_resps": [(-2.0, False), (-1.0, True)],
            "metrics": ["acc"],
            "acc": 1.0,
        }
    ]
}


class Failing:
    """Records the steps in order; raises at one step if configured."""

    def __init__(self, fail: str = "", error: BaseException | None = None) -> None:
        self.fail, self.error = fail, error or ConnectionError("no network")
        self.steps: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.fail:
            raise self.error


class WandbRun:
    """A run of ``FakeWandb``."""

    def __init__(self, wandb: FakeWandb) -> None:
        self.id, self._wandb = "1", wandb
        self.config = SimpleNamespace(update=self._update)
        self.summary = wandb.summary

    def _update(self, d: dict[str, Any], allow_val_change: bool | None = None) -> None:
        self._wandb.config.update(d)

    def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        self._wandb.step("log")
        self._wandb.logged.append(data)

    def log_artifact(self, artifact_or_path: Any, name: str | None = None, type: str | None = None) -> None:
        self._wandb.step("artifact")

    def finish(self, exit_code: int | None = None) -> None:
        self._wandb.step("finish")
        self._wandb.exit_code = exit_code


class FakeWandb(Failing):
    """The part of wandb that its logger uses."""

    run: Any = None

    def __init__(self, fail: str = "", error: BaseException | None = None) -> None:
        super().__init__(fail, error)
        self.logged: list[dict[str, Any]] = []
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.artifacts: dict[str, str] = {}
        self.init_args: dict[str, Any] = {}
        self.exit_code: int | None = None

    def init(
        self,
        entity: str | None = None,
        project: str | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        mode: str | None = None,
    ) -> WandbRun:
        self.step("init")
        self.init_args = {"project": project, "job_type": job_type}
        return WandbRun(self)

    def Table(self, columns: list[str] | None = None, data: list[list[Any]] | None = None) -> Any:
        return (columns, data)

    def Artifact(self, name: str, type: str) -> Any:
        @contextmanager
        def new_file(file_name: str, mode: str = "x", encoding: str | None = None) -> Iterator[io.StringIO]:
            file = io.StringIO()
            yield file
            self.artifacts[f"{type}:{name}/{file_name}"] = file.getvalue()

        return SimpleNamespace(new_file=new_file)


class FakeTrackio(Failing):
    """The part of trackio that its logger uses."""

    def __init__(self, fail: str = "", error: BaseException | None = None) -> None:
        super().__init__(fail, error)
        self.config: dict[str, Any] = {}
        self.logged: list[dict[str, Any]] = []
        self.init_args: dict[str, Any] = {}

    def init(self, project: str, name: str | None = None, space_id: str | None = None) -> None:
        self.step("init")
        self.init_args = {"project": project, "name": name}

    def log(self, metrics: dict[str, Any], step: int | None = None) -> None:
        self.step("log")
        self.logged.append(metrics)

    def Table(self, columns: list[str] | None = None, dataframe: Any = None) -> Any:
        return dataframe

    def Trace(self, messages: list[dict[str, Any]], metadata: dict[str, Any] | None = None) -> Any:
        return (messages, metadata)

    def finish(self) -> None:
        self.step("finish")


class MlflowClient:
    """The client of ``FakeMlflow``."""

    def __init__(self, mlflow: FakeMlflow, tracking_uri: str | None) -> None:
        self._mlflow = mlflow
        mlflow.tracking_uri = tracking_uri

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id="7") if name == "old" else None

    def create_experiment(self, name: str) -> str:
        self._mlflow.experiment = name
        return "8"

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: dict[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Any:
        self._mlflow.step("create_run")
        self._mlflow.created = {"experiment_id": experiment_id, "tags": tags, "run_name": run_name}
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))

    def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
        self._mlflow.step("log_batch")
        assert len(metrics) <= 1000
        assert len(params) <= 100
        self._mlflow.metrics |= {name: value for name, value, _, _ in metrics}
        self._mlflow.parameters |= dict(params)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        self._mlflow.step("log_text")
        self._mlflow.artifacts[artifact_file] = text

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        self._mlflow.artifacts[artifact_file] = data

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        self._mlflow.step("finish")
        self._mlflow.status = status


class FakeMlflow(Failing):
    """The part of mlflow that its logger uses."""

    def __init__(self, fail: str = "", error: BaseException | None = None) -> None:
        super().__init__(fail, error)
        self.tracking_uri: str | None = None
        self.experiment = ""
        self.created: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.parameters: dict[str, str] = {}
        self.artifacts: dict[str, Any] = {}
        self.status: str | None = None
        self.entities = SimpleNamespace(Metric=self._metric, Param=self._param)

    def MlflowClient(self, tracking_uri: str | None = None) -> MlflowClient:
        return MlflowClient(self, tracking_uri)

    @staticmethod
    def _metric(key: str, value: float, timestamp: int, step: int) -> Any:
        return (key, value, timestamp, step)

    @staticmethod
    def _param(key: str, value: str) -> Any:
        return (key, value)
