from __future__ import annotations

import logging

import pytest

from lm_eval import utils


def test_a_line_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.log_lines")
    with caplog.at_level(logging.INFO, logger.name):
        for _ in range(3):
            utils.warning_once(logger, "slow: %s", "a")
            utils.info_once(logger, "quick")
        utils.warning_once(logger, "slow: %s", "b")
    assert caplog.messages == ["slow: a", "quick", "slow: b"]


def test_a_warning_on_request(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("lm_eval"), "propagate", True)
    utils.maybe_warn("said")
    utils.maybe_warn("not said", verbose=False)
    assert caplog.messages == ["said"]
