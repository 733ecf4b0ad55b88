from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lm_eval.errors import ConfigError, MissingPackageError
from lm_eval.loggers._clients import check_arguments, check_reachable, keywords_of, load
from tests.loggers.conftest import Use


def test_a_missing_package_names_its_extra(use: Use) -> None:
    use(trackio=None)
    with pytest.raises(MissingPackageError, match=r'pip install "lm-eval-api\[trackio\]"'):
        load("trackio", "init")


def test_a_folder_of_the_same_name_is_not_a_package(use: Use) -> None:
    use(wandb=ModuleType("wandb"))
    with pytest.raises(MissingPackageError, match="wandb is not installed"):
        load("wandb", "init")


def test_a_package_that_lacks_another_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_a_client.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackageError, match=r"not installed \(No module named 'no_such_package'\)"):
        load("half_a_client", "init")


def test_keywords_of_a_function_that_takes_any() -> None:
    def function(a: int, **others: Any) -> None: ...

    assert keywords_of(function) is None


def test_keywords_of_a_callable_without_a_signature() -> None:
    assert keywords_of(type) is None


def test_an_unknown_argument_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"--wandb_args takes no 'projct'. Did you mean 'project'\?"):
        check_arguments("wandb_args", {"projct": 1}, ["project", "name"])


def test_an_unknown_argument_is_refused_with_all_when_none_is_near() -> None:
    with pytest.raises(ConfigError, match=r"There are: project, name\."):
        check_arguments("wandb_args", {"zzz": 1}, ["project", "name"])


def test_any_argument_is_accepted_if_the_names_are_unknown() -> None:
    check_arguments("wandb_args", {"zzz": 1}, None)


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db", "file:///tmp/x", "databricks", "http:///"])
def test_only_servers_are_looked_for(uri: str) -> None:
    check_reachable(uri)


def test_behind_a_proxy_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.loggers._clients.getproxies", lambda: {"http": "http://proxy"})
    monkeypatch.setattr("lm_eval.loggers._clients.proxy_bypass", lambda host: False)
    check_reachable("http://mlflow.invalid")
