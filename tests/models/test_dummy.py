"""The model that answers at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.errors import ConfigError
from lm_eval.models.dummy import DummyLM
from tests.fakes import write_tasks


def test_it_answers_every_type_of_request(tmp_path: Path) -> None:
    results: dict[str, Any] = simple_evaluate(
        "dummy", tasks=["choice", "generate"], include_path=write_tasks(tmp_path), random_seed=3
    )
    again: dict[str, Any] = simple_evaluate(
        "dummy", tasks=["choice", "generate"], include_path=tmp_path, random_seed=3, apply_chat_template=True
    )
    assert results["results"]["generate"]["exact_match,none"] == 0.0
    assert {sample["resps"][0][0] for sample in results["samples"]["generate"]} == {"lol"}
    values = [value for sample in results["samples"]["choice"] for ((value, _),) in sample["resps"]]
    assert all(-1.0 <= value <= 0.0 for value in values)
    assert len(set(values)) == len(values)
    assert again["samples"]["generate"][0]["arguments"][0][0].startswith("user: What is 0 + 1?")


def test_it_takes_any_argument_and_prints_what_it_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    lm = DummyLM("any", write_out=True, device="cuda")
    lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, ("a text",), 0)])
    assert capsys.readouterr().out == "text: a text\n"
    with pytest.raises(ConfigError, match="A prompt is empty"):
        lm.generate_until([Instance("generate_until", {}, (" ", {}), 0)])
