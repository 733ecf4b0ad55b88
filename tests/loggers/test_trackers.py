from __future__ import annotations

import io
import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lm_eval.errors import MissingPackageError
from lm_eval.loggers.trackers import report, start

RESULTS: dict[str, Any] = {
    "results": {"t": {"alias": "t", "acc,none": 0.5, "acc_stderr,none": "N/A", "em,flex": 1.0, "n_errors": 2}},
    "configs": {"t": {"task": "t"}},
    "config": {"model": "m", "model_args": {"api_key": "s3cret"}},
}
SCORES = {"t/acc": 0.5, "t/em,flex": 1.0, "t/n_errors": 2}
SAMPLES: dict[str, Any] = {
    "t": [{"doc_id": 0, "filter": "none", "arguments": [("p", "c")], "resps": [["r"]], "metrics": ["acc"], "acc": 1.0}]
}


class FakeWandb:
    """As much of wandb as the adapter uses."""

    def __init__(self, fail: str = "") -> None:
        self.fail, self.run = fail, None
        self.logged: list[dict[str, Any]] = []
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.artifacts: dict[str, str] = {}
        self.finished = False
        self.init_args: dict[str, Any] = {}

    def init(self, **kwargs: Any) -> Any:
        if self.fail == "init":
            raise ConnectionError("no network")
        self.init_args = kwargs
        return SimpleNamespace(
            id="1",
            config=SimpleNamespace(update=lambda values, **_: self.config.update(values)),
            summary=self.summary,
            log=self.log,
            log_artifact=lambda artifact: None,
            finish=self.finish,
        )

    def log(self, values: dict[str, Any]) -> None:
        if self.fail == "log":
            raise ConnectionError("no network")
        self.logged.append(values)

    def finish(self) -> None:
        self.finished = True

    def Table(self, columns: list[str], data: list[list[Any]]) -> Any:
        return (columns, data)

    def Artifact(self, name: str, type: str) -> Any:
        @contextmanager
        def new_file(file_name: str, **_: Any) -> Any:
            file = io.StringIO()
            yield file
            self.artifacts[f"{name}/{file_name}"] = file.getvalue()

        return SimpleNamespace(new_file=new_file)


class FakeTrackio:
    """As much of trackio as the adapter uses."""

    def __init__(self, fail: bool = False) -> None:
        self.fail = fail
        self.started: dict[str, Any] = {}
        self.logged: list[dict[str, Any]] = []
        self.finished = False

    def init(self, **kwargs: Any) -> None:
        if self.fail:
            raise ConnectionError("no network")
        self.started = kwargs

    def log(self, values: dict[str, Any]) -> None:
        self.logged.append(values)

    def Table(self, dataframe: Any) -> Any:
        return dataframe

    def finish(self) -> None:
        self.finished = True


def use(monkeypatch: pytest.MonkeyPatch, **modules: Any) -> None:
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def test_nothing_asked_for_starts_nothing() -> None:
    assert start({}, {}, {}) == []


@pytest.mark.parametrize(("package", "options"), [("wandb", ({"project": "p"},)), ("trackio", ({}, {}, {"a": 1}))])
def test_a_missing_package_is_told_before_the_run(
    package: str, options: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, **{package: None})
    with pytest.raises(MissingPackageError, match=rf"lm-eval-api\[{package}\]"):
        start(*options)


def test_wandb_gets_scores_config_and_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeWandb()
    use(monkeypatch, wandb=fake)
    report(start({"project": "p"}, {"team": "x"}), RESULTS, SAMPLES)
    assert fake.init_args == {"job_type": "eval", "project": "p"}
    assert fake.summary == SCORES
    assert fake.config["team"] == "x"
    assert "s3cret" not in str(fake.config)
    assert set(fake.artifacts) == {"run-1-results/results.json", "run-1-samples_t/t_eval_samples.jsonl"}
    assert fake.logged[-1]["t_eval_results"][1][0][-1] == 1.0
    assert fake.finished


@pytest.mark.parametrize("fail", ["init", "log"])
def test_a_failing_wandb_is_logged_and_nothing_else(
    fail: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, wandb=FakeWandb(fail))
    report(start({"project": "p"}), RESULTS, SAMPLES)
    assert "failed: ConnectionError: no network" in caplog.text


def test_trackio_gets_scores_and_config(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTrackio()
    use(monkeypatch, trackio=fake)
    report(start(trackio_args={"name": "run"}), RESULTS)
    assert (fake.started["project"], fake.started["name"]) == ("lm-eval", "run")
    assert fake.started["config"]["cli_configs"]["model"] == "m"
    assert (fake.logged, fake.finished) == ([SCORES], True)


def test_trackio_gets_a_table_of_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = SimpleNamespace(DataFrame=lambda rows, columns: [dict(zip(columns, row, strict=True)) for row in rows])
    fake = FakeTrackio()
    use(monkeypatch, trackio=fake, pandas=pandas)
    report(start(trackio_args={"name": "run"}), RESULTS, SAMPLES)
    assert fake.logged[1]["t_samples"][0]["response"] == '[["r"]]'


def test_a_failing_trackio_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    use(monkeypatch, trackio=FakeTrackio(fail=True))
    report(start(trackio_args={"name": "run"}), RESULTS, SAMPLES)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
