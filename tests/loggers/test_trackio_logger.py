from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.loggers import TrackioLogger
from lm_eval.loggers._scores import flat_scores
from lm_eval.results import Results
from tests.loggers.conftest import Use
from tests.loggers.fakes import RESULTS, SAMPLES, FakeTrackio


def logged(use: Use, fail: str = "", error: BaseException | None = None) -> tuple[FakeTrackio, TrackioLogger]:
    fake = FakeTrackio(fail, error)
    use(trackio=fake)
    logger = TrackioLogger({"name": "run"})
    logger.post_init(RESULTS)
    logger.log_eval_result()
    logger.log_eval_samples(SAMPLES)
    logger.finish()
    return fake, logger


def test_a_project_has_a_default_name(use: Use) -> None:
    assert logged(use)[0].init_args == {"project": "lm-eval", "name": "run"}


def test_config_is_sent_without_secrets(use: Use) -> None:
    config = logged(use)[0].config
    assert config["cli_configs"]["model"] == "local-completions"
    assert "s3cret" not in str(config)


def test_scores_and_tables_are_logged(use: Use) -> None:
    entries = logged(use)[0].logged
    assert entries[0] == flat_scores(Results(RESULTS))
    assert [*entries[1], *entries[2]] == ["evaluation/eval_results", "evaluation/group_eval_results"]
    assert list(entries[1]["evaluation/eval_results"]["Value"]) == [0.5, 1.0]


def test_a_sample_is_a_conversation(use: Use) -> None:
    messages, facts = logged(use)[0].logged[-1]["t/sample"]
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert facts["acc"] == 1.0


@pytest.mark.parametrize("fail", ["init", "log", "finish"])
@pytest.mark.parametrize("error", [ConnectionError("no network"), SystemExit(1)])
def test_a_failure_is_kept_and_not_raised(use: Use, fail: str, error: BaseException) -> None:
    assert type(error).__name__ in logged(use, fail, error)[1].failures[0]


def test_a_run_that_cannot_start_is_not_sent_anything(use: Use) -> None:
    assert logged(use, "init")[0].steps == ["init"]


def test_a_misspelt_argument_is_refused_before_the_run(use: Use) -> None:
    use(trackio=FakeTrackio())
    with pytest.raises(ConfigError, match="Did you mean 'space_id'"):
        TrackioLogger({"spaceid": "p"})
