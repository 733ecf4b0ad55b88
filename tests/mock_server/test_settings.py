from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.settings import ServerSettings, add_arguments, command_line, given_options

CHANGED: dict[str, Any] = {
    "profile": PROFILES["vllm"],
    "port": 1234,
    "host": "::1",
    "model": "m",
    "max_model_len": 99,
    "latency_ms": "20:5",
    "slots": 3,
    "max_in_flight": 4,
    "requests_per_minute": 60.5,
    "faults": ["429:0.1", "slow=2:0.5"],
    "batch_ms": 20.5,
    "batch_faults": ["none", "expired=0.3"],
    "seed": 7,
    "judge": "accuracy=0.9,first=0.2",
    "reasoning": "two and two",
    "reasoning_in": "end-tag",
    "refuses": ["seed:pydantic", "stop:openai"],
    "api_key": "sesame",
    "prefix_cache_blocks": 0,
}


def parsed(*words: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return given_options(parser.parse_args(words))


def test_the_command_line_repeats_the_settings() -> None:
    options = parsed(*command_line(ServerSettings(**CHANGED)))
    again = ServerSettings(**options)
    assert {name: getattr(again, name) for name in CHANGED} == CHANGED


def test_every_flag_is_tested_above() -> None:
    assert set(parsed()) == {*CHANGED, "answers"}


def test_defaults_of_the_command_line_are_those_of_python_except_for_the_port() -> None:
    defaults = vars(ServerSettings())
    changed = {name for name, value in vars(ServerSettings(**parsed())).items() if value != defaults[name]}
    # Nothing is an empty list on the command line, and a tuple in Python.
    assert changed == {"port", "faults", "batch_faults", "refuses"}


@pytest.mark.parametrize(
    "changes",
    [
        {"rate_window": 1.0},
        {"refuse_for": 1.0},
        {"log_requests": 5},
        {"answers": {"a": "b"}},
        {"faults": ["500"]},
        {"faults": lambda request: None},
    ],
)
def test_settings_without_a_text_form_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"value of {next(iter(changes))}"):
        command_line(ServerSettings(**changes))


def test_the_constructor_describes_every_option() -> None:
    description = str(ServerSettings.__init__.__doc__)
    assert all(f"    {option.name}: " in description for option in fields(ServerSettings))
