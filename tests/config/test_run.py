from __future__ import annotations

import argparse
import inspect
from dataclasses import dataclass, fields
from typing import Any

import pytest

from lm_eval.cli.run import add_arguments
from lm_eval.config import values
from lm_eval.config.options import Mark, Option, setting
from lm_eval.config.run import COLLABORATORS, RunSettings
from lm_eval.errors import ConfigError
from lm_eval.evaluator import simple_evaluate

COMPLETE = {"model": "local-completions", "tasks": "a"}
OPTIONS = RunSettings.options()
SIGNATURE = inspect.signature(simple_evaluate).parameters


def flags(settings: type[RunSettings] = RunSettings) -> dict[str, argparse.Action]:
    """The options that the command line takes, by the name of their setting."""
    parser = argparse.ArgumentParser()
    add_arguments(parser, settings)
    return {action.dest: action for action in parser._actions if action.dest not in ("help", "config")}


def test_every_field_has_an_option_and_a_text() -> None:
    names = [item.name for item in fields(RunSettings)]
    assert list(OPTIONS) == names
    assert [name for name in names if not RunSettings.texts().get(name)] == []


def test_every_default_equals_its_converted_value() -> None:
    default = RunSettings()
    given = {name: getattr(default, name) for name in OPTIONS}
    kept = {name: OPTIONS[name].convert(name, value) for name, value in given.items() if value not in (None, "")}
    assert kept == {name: given[name] for name in kept}


def test_every_setting_is_on_the_command_line_or_only_in_python() -> None:
    only_python = {name for name, option in OPTIONS.items() if Mark.PYTHON in option.marks}
    assert set(flags()) == set(OPTIONS) - only_python
    assert only_python == {"bootstrap_iters", "progress"}


@pytest.mark.parametrize("name", RunSettings.command_line())
def test_every_option_is_a_key_of_config_files_with_its_faults(name: str) -> None:
    assert list(RunSettings.faults({name: None})) == []
    if OPTIONS[name].convert is not values.boolean:
        assert [key for key, _ in RunSettings.faults({name: object})] in ([name], [])


@pytest.mark.parametrize("name", ["bootstrap_iters", "progress", "evaluation_tracker"])
def test_settings_of_python_only_are_not_options(name: str) -> None:
    assert [key for key, fault in RunSettings.faults({name: 1}) if fault.startswith("unknown option")] == [name]


def test_the_evaluator_has_an_argument_for_every_setting_but_those_of_the_command_line() -> None:
    arguments = {argument for names in RunSettings.arguments().values() for argument in names}
    assert arguments | set(COLLABORATORS) == set(SIGNATURE)
    marked = {name for name, option in OPTIONS.items() if Mark.COMMAND in option.marks}
    assert set(RunSettings.arguments()) == set(OPTIONS) - marked


def test_the_evaluator_has_the_defaults_of_the_settings() -> None:
    defaults = {name: item.default for name, item in SIGNATURE.items() if item.default is not inspect.Parameter.empty}
    assert defaults.pop("log_samples") is True  # as in the reference harness
    assert RunSettings.from_call(defaults) == RunSettings()


def test_every_setting_but_these_can_change_what_is_asked() -> None:
    not_asked = {name for name, option in OPTIONS.items() if Mark.ASKED not in option.marks}
    assert not_asked == {
        *("check_integrity", "save_config", "dry_run", "fresh", "max_errors", "log_samples", "output_format"),
        *("bootstrap_iters", "write_out", "show_config", "intervals", "verbosity", "progress", "trust_remote_code"),
        *("max_batch_size", "device", "cache_requests", "stream", "shard", "distribute", "shards"),
        *("wandb_args", "wandb_config_args", "trackio_args", "mlflow_args", "hf_hub_log_args"),
        *("metrics_port", "metrics_host"),
    }


def test_the_saved_config_has_the_recorded_settings() -> None:
    assert list(RunSettings().record()) == [
        *("model", "model_args", "batch_size", "num_fewshot", "limit", "samples", "gen_kwargs"),
        *("random_seed", "numpy_seed", "torch_seed", "fewshot_seed"),
        *("use_cache", "max_errors", "predict_only", "bootstrap_iters"),
    ]


def test_the_saved_config_holds_no_secret() -> None:
    settings = RunSettings(model_args={"model": "m", "auth_token": "sk-abcdef123456"})
    assert settings.record()["model_args"] == {"model": "m", "auth_token": "***"}


@dataclass(kw_only=True, slots=True)
class More(RunSettings):
    """Settings with an additional field."""

    colour: int | None = setting(
        None, Option(values.integer, "more", Mark.RECORDED, short="-q", metavar="N", choices=("1", "2"))
    )
    """Colour of the output."""


def test_a_field_is_enough_to_add_a_setting() -> None:
    action = flags(More)["colour"]
    assert (action.option_strings, action.help, action.metavar) == (["--colour", "-q"], "Colour of the output.", "N")
    assert list(More.faults({"colour": "red"})) == [("colour", "colour takes a whole number, not 'red'.")]
    assert list(More.faults({"color": 1})) == [("color", "unknown option 'color'. Did you mean 'colour'?")]
    assert More.from_mapping({"colour": "3"}) == More.from_call({"colour": 3}) == More(colour=3)
    assert More(colour=3).record()["colour"] == 3
    assert "colour" not in flags()


def test_an_unknown_key_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^unknown option 'modle'. Did you mean 'model'"):
        RunSettings.from_mapping({"modle": "x"})


def test_an_unknown_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="limt"):
        RunSettings.from_call({"limt": 1})


def test_none_leaves_the_default() -> None:
    assert RunSettings.from_mapping({"seed": None}).seed == (0, 1234, 1234, 1234)


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
def test_options_that_contradict_each_other_are_refused(more: dict[str, Any], message: str) -> None:
    settings = RunSettings.from_mapping({**COMPLETE, **more})
    with pytest.raises(ConfigError, match=message):
        settings.check_command()


def test_a_model_with_a_url_and_no_kind_is_local_completions() -> None:
    settings = RunSettings.from_mapping({"tasks": "a", "model_args": "model=m,base_url=http://127.0.0.1:9"})
    settings.check_command()
    assert settings.model == "local-completions"


def test_a_complete_run_passes() -> None:
    RunSettings.from_mapping({**COMPLETE, "log_samples": True, "output_path": "out"}).check_command()


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        (
            {"seed": "1,None,3,4"},
            {"random_seed": 1, "numpy_random_seed": None, "torch_random_seed": 3, "fewshot_random_seed": 4},
        ),
        ({"seed": "0,7,1234,1234"}, {"numpy_random_seed": 7}),
        ({"batch_size": "8"}, {"batch_size": 8}),
        ({"batch_size": "auto"}, {"batch_size": "auto"}),
        ({"cache_requests": "refresh"}, {"cache_requests": True, "rewrite_requests_cache": True}),
        ({"cache_requests": "delete"}, {"cache_requests": False, "delete_requests_cache": True}),
        ({"include_path": []}, {"include_path": None}),
        ({"tasks": "a,b"}, {"tasks": ["a", "b"]}),
        ({"model_args": ["a=1", "b=[1, 2]"]}, {"model_args": "a=1,b=[1, 2]"}),
        ({"samples": '{"a": [1, 2]}'}, {"samples": {"a": (1, 2)}}),
    ],
)
def test_arguments_of_the_evaluator_are_the_same_settings(given: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert RunSettings.from_call(arguments) == RunSettings.from_mapping(given)


def test_predict_only_keeps_samples() -> None:
    assert RunSettings.from_mapping({"predict_only": True}).keeps_samples


def test_a_task_may_be_an_object() -> None:
    item = object()
    assert RunSettings.from_call({"tasks": ["a,b", item]}).tasks == ["a", "b", item]


@pytest.mark.parametrize("item", [3, None, True, ["a"]])
def test_a_task_of_another_yaml_type_is_refused(item: object) -> None:
    with pytest.raises(ConfigError, match="a list of task names"):
        RunSettings.from_call({"tasks": [item]})
