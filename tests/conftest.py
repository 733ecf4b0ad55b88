"""Fixtures shared by all tests."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.config.redact import forget
from lm_eval.task_files.index_cache import scan
from lm_eval.task_files.roots import BUILTIN

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


@pytest.fixture(scope="session", autouse=True)
def cache_of_all_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder with the index of the built-in tasks; tests leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache_of_all_tests")
        patch.setenv("LM_HARNESS_CACHE_PATH", str(folder))
        scan(BUILTIN)
        yield folder


@pytest.fixture
def own_cache(
    cache_of_all_tests: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A cache folder for one test. The index of the built-in tasks is in it, since reading all files takes a second."""
    folder = tmp_path_factory.mktemp("cache")
    for file in cache_of_all_tests.glob("task-index-*.json"):
        if json.loads(file.read_bytes())["root"] == str(BUILTIN):
            os.link(file, folder / file.name)
    monkeypatch.setenv("LM_HARNESS_CACHE_PATH", str(folder))
    return folder


_LOGGER = logging.getLogger("lm_eval")
_LEVEL, _PROPAGATE, _HANDLERS = _LOGGER.level, _LOGGER.propagate, list(_LOGGER.handlers)


@pytest.fixture
def http_client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send requests as the parameter says: over ``plain`` connections, or through aiohttp's ``session``."""
    if request.param == "session":
        monkeypatch.setattr("lm_eval.models.http.plain.PlainConnections.takes", lambda self, url: False)


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
