"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


def _shared() -> Path | None:
    named = os.environ.get("LM_EVAL_SHARED")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with recorded parity cases and real benchmark data."""
    folder = _shared()
    if folder is None:
        pytest.skip("no shared folder beside the project (set LM_EVAL_SHARED to its path)")
    return folder


@pytest.fixture(autouse=True)
def _logger_as_before() -> Iterator[None]:
    """Undo what a test does to the package's logger, so that no test depends on those before it."""
    logger = logging.getLogger("lm_eval")
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.propagate, logger.handlers = propagate, handlers
