from __future__ import annotations

import json
import socket
import sys
from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.loggers import WandbLogger
from lm_eval.loggers._scores import flat_scores
from lm_eval.results import Results
from tests.loggers.conftest import Use
from tests.loggers.fakes import RESULTS, SAMPLES, FakeWandb


def logged(use: Use, fail: str = "", error: BaseException | None = None) -> tuple[FakeWandb, WandbLogger]:
    fake = FakeWandb(fail, error)
    use(wandb=fake)
    logger = WandbLogger({"project": "p"}, {"team": "x"})
    logger.post_init(RESULTS)
    logger.log_eval_result()
    logger.log_eval_samples(SAMPLES)
    logger.finish()
    return fake, logger


def test_the_run_is_one_of_evaluation(use: Use) -> None:
    assert logged(use)[0].init_args == {"project": "p", "job_type": "eval"}


def test_config_is_sent_without_secrets(use: Use) -> None:
    config = logged(use)[0].config
    assert set(config) == {"team", "task_configs", "cli_configs"}
    assert "s3cret" not in str(config)


def test_names_are_in_the_summary(use: Use) -> None:
    assert logged(use)[0].summary["t/alias"] == "T"


def test_scores_are_logged(use: Use) -> None:
    assert logged(use)[0].logged[0] == flat_scores(Results(RESULTS))


def test_tables_of_tasks_and_groups_are_logged(use: Use) -> None:
    tables = [key for entry in logged(use)[0].logged[1:3] for key in entry]
    assert tables == ["evaluation/eval_results", "evaluation/group_eval_results"]


def test_results_and_samples_are_artifacts(use: Use) -> None:
    artifacts = logged(use)[0].artifacts
    assert set(artifacts) == {"eval_results:results/results.json", "samples_by_task:t/t_eval_samples.json"}
    assert json.loads(artifacts["samples_by_task:t/t_eval_samples.json"])[0]["doc_id"] == 0
    assert "s3cret" not in str(artifacts)


def test_samples_are_a_table(use: Use) -> None:
    columns, rows = logged(use)[0].logged[-1]["t_eval_results"]
    assert dict(zip(columns, rows[0], strict=True))["acc"] == 1.0


@pytest.mark.parametrize("fail", ["init", "log", "artifact", "finish"])
@pytest.mark.parametrize("error", [ConnectionError("no network"), SystemExit(1)])
def test_a_failure_is_kept_and_not_raised(use: Use, fail: str, error: BaseException) -> None:
    assert type(error).__name__ in logged(use, fail, error)[1].failures[0]


def test_a_run_that_cannot_start_is_not_sent_anything(use: Use) -> None:
    assert logged(use, "init")[0].steps == ["init"]


def test_samples_are_sent_when_an_artifact_failed(use: Use) -> None:
    fake, _ = logged(use, "artifact")
    assert "t_eval_results" in fake.logged[-1]


def test_a_run_that_did_not_end_well_says_so(use: Use) -> None:
    fake = FakeWandb()
    use(wandb=fake)
    WandbLogger({"project": "p"}).finish(failed=True)
    assert fake.exit_code == 1


def test_a_misspelt_argument_is_refused_before_the_run(use: Use) -> None:
    use(wandb=FakeWandb())
    with pytest.raises(ConfigError, match="Did you mean 'project'"):
        WandbLogger({"projet": "p"})


def test_a_step_is_not_for_init(use: Use) -> None:
    fake = FakeWandb()
    use(wandb=fake)
    WandbLogger({"project": "p", "step": 3})
    assert fake.steps == ["init"]


@pytest.mark.parametrize(("mode", "checked"), [("online", True), ("", True), ("offline", False), ("disabled", False)])
def test_a_dead_server_of_the_user_is_named_at_once(
    use: Use, monkeypatch: pytest.MonkeyPatch, mode: str, checked: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
    use(wandb=FakeWandb())
    failures = WandbLogger({"project": "p", **({"mode": mode} if mode else {})}).failures
    assert ["nothing answers at http://127.0.0.1" in failure for failure in failures] == [True] * checked


def test_every_task_has_its_own_artifact(use: Use) -> None:
    fake = FakeWandb()
    use(wandb=fake)
    logger = WandbLogger({"project": "p"})
    logger.post_init(RESULTS)
    tasks = ["a/b", "a:b", "a_b", "A_b", "t" * 130, "t" * 140]
    logger.log_eval_samples(dict.fromkeys(tasks, SAMPLES["t"]))
    names = [name.partition(":")[2].partition("/")[0] for name in fake.artifacts]
    assert len({name.lower() for name in names}) == len(tasks)
    assert names[0] == "a_b"
    assert max(map(len, names)) <= 128


def test_the_client_finds_no_secret_in_the_command_line(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    fake = FakeWandb("", None)
    begin = fake.init

    def init(**arguments: Any) -> object:
        seen.append(list(sys.argv))
        return begin(**arguments)

    monkeypatch.setattr(fake, "init", init)
    monkeypatch.setattr(sys, "argv", ["lm_eval", "--model_args", "auth_token=s3cret-key,base_url=http://u:pw@h/v1"])
    use(wandb=fake)
    WandbLogger({"project": "p"})
    assert seen == [["lm_eval", "--model_args", "auth_token=***,base_url=http://***@h/v1"]]
