from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.mock_server.refused_fields import WORDINGS, parse_rules
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.settings import ServerSettings

from .helpers import chat_json, complete_json, refused


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_refused_field_is_named(wording: str) -> None:
    served = ServedModel(ServerSettings(refuses=[f"seed:{wording}"]))
    for call in (chat_json, complete_json):
        status, body = refused(call, served, "Hello", seed=1)
        assert status in (400, 422, 500)
        assert "seed" in str(body)
        assert call(served, "Hello")["choices"]


@pytest.mark.parametrize(("value", "taken"), [(0, False), (0.5, False), (1, True), (None, True)])
def test_the_default_temperature_is_taken(value: Any, taken: bool) -> None:
    served = ServedModel(ServerSettings(refuses=["temperature:openai"]))
    if taken:
        assert chat_json(served, temperature=value)["choices"]
    else:
        assert refused(chat_json, served, temperature=value)[0] == 400


@pytest.mark.parametrize("rule", ["seed", ":openai", "seed:opnai"])
def test_a_rule_without_a_wording_is_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="FIELD:WORDING"):
        parse_rules([rule])
