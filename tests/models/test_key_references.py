"""A key can be named instead of written: a variable or a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.config.redact import redact
from lm_eval.mock_server import MockServer
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.openai_completions import LocalCompletionsAPI


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
