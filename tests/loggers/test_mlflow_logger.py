from __future__ import annotations

import json
import socket
import time
from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.loggers import MLflowLogger
from tests.loggers.conftest import Use
from tests.loggers.fakes import RESULTS, SAMPLES, FakeMlflow


def logged(
    use: Use, fail: str = "", error: BaseException | None = None, results: Any = RESULTS, **args: Any
) -> tuple[FakeMlflow, MLflowLogger]:
    fake = FakeMlflow(fail, error)
    use(mlflow=fake)
    logger = MLflowLogger({"run_name": "run", **args})
    logger.post_init(results)
    logger.log_eval_result()
    logger.log_eval_samples(SAMPLES)
    logger.finish()
    return fake, logger


def test_a_missing_experiment_is_created(use: Use) -> None:
    fake, _ = logged(use)
    assert (fake.experiment, fake.created["experiment_id"], fake.created["run_name"]) == ("lm-eval", "8", "run")


def test_an_existing_experiment_is_used(use: Use) -> None:
    assert logged(use, experiment="old")[0].created["experiment_id"] == "7"


def test_the_server_and_tags_are_those_of_the_user(use: Use) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        fake, _ = logged(use, tracking_uri=uri, tags={"team": "x"}, description="d")
    assert fake.tracking_uri == uri
    assert fake.created["tags"] == {"team": "x", "mlflow.note.content": "d"}


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_dead_port_is_told_at_once(use: Use, monkeypatch: pytest.MonkeyPatch, by_variable: bool) -> None:
    """The client would try for two minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://me:secret@127.0.0.1:{server.getsockname()[1]}"
    if by_variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    started = time.monotonic()
    fake, logger = logged(use) if by_variable else logged(use, tracking_uri=uri)
    assert time.monotonic() - started < 5
    (failure,) = logger.failures
    assert failure.startswith("start failed: ConnectionError: nothing answers at http://127.0.0.1:")
    assert "secret" not in failure
    assert fake.created == {}


def test_metrics_have_names_mlflow_allows(use: Use) -> None:
    metrics = logged(use)[0].metrics
    assert metrics["t/acc"] == 0.5
    assert metrics["u/em/flex"] == 1.0
    assert metrics["run/docs_lost"] == 2.0


def test_parameters_are_flat_and_hold_no_secrets(use: Use) -> None:
    assert logged(use)[0].parameters == {
        "model": "local-completions",
        "model_args.model": "m",
        "model_args.api_key": "***",
        "tasks": "t,u",
    }


def test_long_parameters_are_cut(use: Use) -> None:
    results = {**RESULTS, "config": {"system_instruction": "x" * 9000}}
    assert len(logged(use, results=results)[0].parameters["system_instruction"]) == 500


def test_thousands_of_scores_are_sent_in_several_requests(use: Use) -> None:
    results = {"results": {f"t{n}": {"acc,none": 0.5} for n in range(2500)}}
    assert len(logged(use, results=results)[0].metrics) == 2500


def test_results_tables_and_samples_are_artifacts(use: Use) -> None:
    artifacts = logged(use)[0].artifacts
    assert set(artifacts) == {
        "results.json",
        "config.json",
        "eval_results.json",
        "group_eval_results.json",
        "samples/t.jsonl",
    }
    assert artifacts["eval_results.json"]["Value"] == [0.5, 1.0]
    assert json.loads(artifacts["samples/t.jsonl"])["doc_id"] == 0
    assert "s3cret" not in str(artifacts)


def test_the_run_is_finished(use: Use) -> None:
    assert logged(use)[0].status == "FINISHED"


def test_a_run_that_did_not_end_well_says_so(use: Use) -> None:
    fake = FakeMlflow()
    use(mlflow=fake)
    MLflowLogger({"run_name": "r"}).finish(failed=True)
    assert fake.status == "FAILED"


@pytest.mark.parametrize("fail", ["create_run", "log_batch", "log_text", "finish"])
@pytest.mark.parametrize("error", [ConnectionError("no network"), SystemExit(1)])
def test_a_failure_is_kept_and_not_raised(use: Use, fail: str, error: BaseException) -> None:
    assert type(error).__name__ in logged(use, fail, error)[1].failures[0]


def test_a_run_that_cannot_start_is_not_sent_anything(use: Use) -> None:
    assert logged(use, "create_run")[0].steps == ["create_run"]


def test_a_misspelt_argument_is_refused_before_the_run(use: Use) -> None:
    use(mlflow=FakeMlflow())
    with pytest.raises(ConfigError, match="Did you mean 'tracking_uri'"):
        MLflowLogger({"tracking_url": "http://mlflow"})


def test_every_task_has_its_own_file(use: Use) -> None:
    fake = FakeMlflow()
    use(mlflow=fake)
    logger = MLflowLogger({"run_name": "run"})
    logger.post_init(RESULTS)
    tasks = ["a/b", "a:b", "a_b", "A_b", "t" * 300, "t" * 310]
    logger.log_eval_samples(dict.fromkeys(tasks, SAMPLES["t"]))
    names = [name for name in fake.artifacts if name.startswith("samples/")]
    assert len({name.lower() for name in names}) == len(tasks)
    assert names[0] == "samples/a_b.jsonl"
    assert max(map(len, names)) <= 255
