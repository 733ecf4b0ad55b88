from __future__ import annotations

import json
import platform
import subprocess
from pathlib import Path

import pytest

from lm_eval.results import environment


def test_versions_and_platform_are_described() -> None:
    described = environment.describe()
    assert set(described) == {"git_hash", "date", "lm_eval_version", "pretty_env_info"}
    assert platform.python_version() in str(described["pretty_env_info"])


def test_no_environment_variable_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret-value")
    assert "s3cret-value" not in json.dumps(environment.describe())


def test_outside_a_repository_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.describe()["git_hash"] is None


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", missing)
    assert environment.describe()["git_hash"] is None
