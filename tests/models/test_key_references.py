"""A key can be named instead of written: a variable or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval import simple_evaluate
from lm_eval.config.redact import redact, redact_words
from lm_eval.errors import ConfigError
from lm_eval.mock_server import MockServer
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.openai_completions import LocalCompletionsAPI
from tests.fakes import write_tasks


def test_a_key_is_read_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "from-variable\n")
    (tmp_path / "key").write_text("from-file\n")
    assert ModelArguments.parse({"auth_token": "env:OWN_KEY"}).auth_token == "from-variable"
    assert ModelArguments.parse({"auth_token": f"file:{tmp_path / 'key'}"}).auth_token == "from-file"
    assert ModelArguments.parse({"auth_token": "as-it-is"}).auth_token == "as-it-is"


def test_a_reference_is_saved_and_its_key_is_not() -> None:
    assert redact({"auth_token": "env:OWN_KEY"}) == {"auth_token": "env:OWN_KEY"}
    assert redact({"auth_token": "file:/run/key"}) == {"auth_token": "file:/run/key"}


def test_the_server_gets_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "from-variable")
    with MockServer(api_key="from-variable") as server:
        model = LocalCompletionsAPI(model="mock", base_url=server.base_url, auth_token="env:OWN_KEY")
        assert isinstance(model, TemplateAPI)
        assert "known" in model.harness_capability_table()


def test_api_key_is_the_same_as_auth_token_and_masked_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OWN_KEY", "from-variable")
    assert ModelArguments.parse({"api_key": "env:OWN_KEY"}).auth_token == "from-variable"
    assert ModelArguments.parse({"api_key": "one", "auth_token": "two"}).auth_token == "two"
    assert redact({"api_key": "env:OWN_KEY"}) == redact({"api_key": "env:OWN_KEY"}) == {"api_key": "env:OWN_KEY"}
    with MockServer(api_key="sk-a1b2c3d4") as server:
        results = simple_evaluate(
            "local-completions",
            f"model=mock,base_url={server.base_url},api_key=sk-a1b2c3d4",
            tasks=["generate"],
            include_path=write_tasks(tmp_path),
            limit=2,
            output_path=tmp_path / "out",
        )
    assert results["config"]["model_args"]["api_key"] != "sk-a1b2c3d4"
    saved = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(saved) >= 2
    assert all(b"sk-a1b2c3d4" not in path.read_bytes() for path in saved)
    assert "sk-a1b2c3d4" not in caplog.text + str(results)
    with pytest.raises(ConfigError) as caught:
        ModelArguments.parse({"api_key": "sk-a1b2c3d4\r"})
    assert "sk-a1b2c3d4" not in str(caught.value)


def test_a_header_is_read_from_a_variable_and_only_its_name_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_TEAM", "the-own-team")
    (tmp_path / "team").write_text("from-file\n")
    given = {"X-Team": "env:OWN_TEAM", "X-File": f"file:{tmp_path / 'team'}", "X-Key": "as-it-is"}
    found = ModelArguments.parse({"header": given})
    assert found.header == {"X-Team": "the-own-team", "X-File": "from-file", "X-Key": "as-it-is"}
    assert redact({"header": given}) == {"header": {**given, "X-Key": "***"}}
    assert redact("sent the-own-team to OWN_TEAM") == "sent *** to OWN_TEAM"
    with pytest.raises(ConfigError, match="header X-Team=env:NO_SUCH: the environment variable 'NO_SUCH' is not set"):
        ModelArguments.parse({"header": {"X-Team": "env:NO_SUCH"}})


def test_the_name_of_a_variable_in_a_header_of_the_command_line_is_no_secret() -> None:
    redact_words(["--model_args", 'model=m,header={"X-Team": "env:OWN_TEAM"}'])
    assert redact("OWN_TEAM") == "OWN_TEAM"
