"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.config.redact import forget

# A shell that starts the tests in the background ignores Ctrl-C for them, and their child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


_LOGGER = logging.getLogger("lm_eval")
_LEVEL, _PROPAGATE, _HANDLERS = _LOGGER.level, _LOGGER.propagate, list(_LOGGER.handlers)


@pytest.fixture(autouse=True)
def _fresh_logger() -> Iterator[None]:
    """Undo changes of the package's logger after each test, so that tests pass in any order."""
    yield
    _LOGGER.setLevel(_LEVEL)
    _LOGGER.propagate, _LOGGER.handlers = _PROPAGATE, list(_HANDLERS)


@pytest.fixture(autouse=True)
def _no_secrets() -> Iterator[None]:
    """Forget the secrets of each test, which may be words in the messages of another one."""
    yield
    forget()
