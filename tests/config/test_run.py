from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from lm_eval.config.run import _CONVERT, RunConfig, field_docs
from lm_eval.errors import ConfigError
from lm_eval.evaluator import simple_evaluate

COMPLETE = {"model": "local-completions", "tasks": "a"}


def test_every_field_has_a_text() -> None:
    assert set(field_docs()) == {item.name for item in fields(RunConfig)}


def test_every_field_has_a_converter() -> None:
    assert set(_CONVERT) == {item.name for item in fields(RunConfig)}


def test_the_evaluator_takes_all_that_is_passed_on() -> None:
    config = RunConfig.from_mapping(COMPLETE)
    assert set(config.evaluate_arguments()) <= set(inspect.signature(simple_evaluate).parameters)


def test_an_unknown_key_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^run.yaml: unknown option 'modle'. Did you mean 'model'"):
        RunConfig.from_mapping({"modle": "x"}, source="run.yaml")


def test_none_leaves_the_default() -> None:
    assert RunConfig.from_mapping({"seed": None}).seed == (0, 1234, 1234, 1234)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"model": None}, "No model given"),
        ({"tasks": []}, "No tasks given"),
        ({"limit": 3, "samples": {"a": [1]}}, "exclude each other"),
        ({"log_samples": True}, "--output_path"),
        ({"predict_only": True}, "--output_path"),
        ({"output_format": "parquet"}, "--log_samples"),
        ({"fewshot_as_multiturn": True}, "--apply_chat_template"),
    ],
)
def test_options_that_make_no_run_are_refused(more: dict[str, Any], message: str) -> None:
    config = RunConfig.from_mapping({**COMPLETE, **more})
    with pytest.raises(ConfigError, match=message):
        config.check()


def test_a_complete_run_passes() -> None:
    RunConfig.from_mapping({**COMPLETE, "log_samples": True, "output_path": "out"}).check()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seed": "1,None,3,4"}, {"random_seed": 1, "numpy_random_seed": None, "fewshot_random_seed": 4}),
        ({"batch_size": "8"}, {"batch_size": 8}),
        ({"batch_size": "auto"}, {"batch_size": "auto"}),
        ({"cache_requests": "refresh"}, {"cache_requests": True, "rewrite_requests_cache": True}),
        ({"cache_requests": "delete"}, {"cache_requests": False, "delete_requests_cache": True}),
        ({"predict_only": True}, {"log_samples": True, "predict_only": True}),
        ({"include_path": []}, {"include_path": None}),
    ],
)
def test_options_become_arguments_of_the_evaluator(given: dict[str, Any], expected: dict[str, Any]) -> None:
    found = RunConfig.from_mapping(given).evaluate_arguments()
    assert {name: found[name] for name in expected} == expected
