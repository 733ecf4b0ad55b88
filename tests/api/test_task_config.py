from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from lm_eval.api.task import ConfigurableTask
from lm_eval.config.task import FEWSHOT_KEYS, TASK_KEYS, FewshotConfig, TaskConfig
from lm_eval.errors import ConfigError, MissingPackageError, UnknownNameError

from .tasks_for_tests import choice, make


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        (None, {"temperature": 0.0, "do_sample": False, "max_gen_toks": 256, "until": ["##"]}),
        ({}, {"until": ["##"]}),
        ({"until": ["x"]}, {"until": ["x"]}),
        ({"until": []}, {"until": []}),
        ({"temperature": "0.7"}, {"temperature": 0.7, "until": ["##"]}),
        ({"max_gen_toks": 5}, {"max_gen_toks": 5, "until": ["##"]}),
    ],
)
def test_generation_settings(given: dict[str, Any] | None, filled: dict[str, Any]) -> None:
    assert TaskConfig(generation_kwargs=given, fewshot_delimiter="##").generation_kwargs == filled


def test_generation_settings_of_the_file_are_not_changed() -> None:
    given = {"temperature": 1}
    TaskConfig(generation_kwargs=given)
    assert given == {"temperature": 1}


def test_other_output_types_have_no_generation_settings() -> None:
    assert TaskConfig(output_type="loglikelihood").generation_kwargs is None


def test_unknown_output_type_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown output_type 'generate_untl'.*Did you mean 'generate_until'"):
        TaskConfig(task="demo", output_type="generate_untl")  # type: ignore[arg-type]


def test_unknown_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Task demo: unknown key 'doc_to_txt'. Did you mean 'doc_to_text'"):
        make(doc_to_txt="x")


def test_unknown_few_shot_key_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Unknown key 'sampel' in fewshot_config. Did you mean .*'sampler'"):
        make(fewshot_config={"sampel": "first_n"})


def test_unknown_sampler_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown few-shot sampler 'frist_n'. Did you mean 'first_n'"):
        make(fewshot_config={"sampler": "frist_n"})


def test_promptsource_prompts_are_refused_with_the_reason() -> None:
    with pytest.raises(MissingPackageError, match="use_prompt 'promptsource:x' needs the package promptsource"):
        make(use_prompt="promptsource:x")


def test_few_shot_config_falls_back_to_that_of_the_task() -> None:
    config = TaskConfig(
        fewshot_split="train",
        doc_to_text="{{q}}",
        target_delimiter="|",
        fewshot_config={"doc_to_text": "own", "fewshot_delimiter": ""},
    ).fewshot_config
    assert isinstance(config, FewshotConfig)
    assert (config.split, config.doc_to_text, config.target_delimiter) == ("train", "own", "|")
    assert config.fewshot_delimiter == ""


def test_config_reads_like_a_dict() -> None:
    config = TaskConfig(task="demo")
    config["num_fewshot"] = 3
    assert (config["task"], config.get("num_fewshot"), config.get("nope", 1)) == ("demo", 3, 1)
    assert "repeats" in config and "nope" not in config
    assert dict(config)["repeats"] == 1
    with pytest.raises(KeyError):
        config["nope"]


def test_dumped_config_is_plain_and_the_same_in_every_run() -> None:
    def text(doc: Any, style: int = 0) -> str:
        return "x"

    def dump() -> Any:
        return make(
            doc_to_text=functools.partial(text, style=1), process_docs=text, fewshot_config={"sampler": "first_n"}
        ).dump_config()

    dumped = dump()
    assert json.loads(json.dumps(dumped)) == dumped == dump()
    assert dumped["process_docs"].lstrip().startswith("def text(doc")
    assert " at 0x" not in json.dumps(dumped)
    assert "num_fewshot" not in dumped


def test_kept_callables_stay_functions() -> None:
    config = TaskConfig(doc_to_text=len)
    assert config.to_dict(keep_callable=True)["doc_to_text"] is len
    assert config.serialize_function(len, keep_callable=True) is len
    assert config.serialize_function("x") == "x"


def test_set_config_replaces_or_merges() -> None:
    task = make(generation_kwargs={"until": ["x"], "temperature": 1})
    task.set_config("generation_kwargs", {"temperature": 0.5}, update=True)
    assert task.config.generation_kwargs == {"until": ["x"], "temperature": 0.5}
    task.set_config("num_fewshot", 0)
    assert task.get_config("num_fewshot") == 0
    assert task.get_config("nope") is None


@pytest.mark.parametrize(("key", "value", "update"), [("num_fewshot", None, False), ("task", {"a": 1}, True)])
def test_set_config_refuses(key: str, value: Any, update: bool) -> None:
    with pytest.raises(ConfigError):
        make().set_config(key, value, update)


def test_version_comes_from_the_metadata() -> None:
    assert make(metadata={"version": 2.0}).VERSION == 2.0
    assert make().VERSION == "Yaml"


def test_default_metrics_follow_the_output_type() -> None:
    assert list(make().aggregation()) == ["exact_match"]
    assert list(choice().aggregation()) == ["acc", "acc_norm"]
    assert list(make(output_type="loglikelihood").aggregation()) == ["perplexity", "acc"]
    rolling = make(output_type="loglikelihood_rolling")
    assert rolling.higher_is_better() == {"word_perplexity": False, "byte_perplexity": False, "bits_per_byte": False}


def test_class_attribute_config_is_the_default() -> None:
    class Preset(ConfigurableTask):
        CONFIG = {"task": "preset", "output_type": "loglikelihood", "num_fewshot": 4}  # noqa: RUF012

    task = Preset(config={"num_fewshot": 1})
    assert (task.task_name, task.OUTPUT_TYPE, task.config.num_fewshot) == ("preset", "loglikelihood", 1)


def test_repr_names_the_task() -> None:
    assert repr(make(num_fewshot=3)) == ("ConfigurableTask(task_name=demo,output_type=generate_until,num_fewshot=3)")


def test_keys_are_those_of_the_configs() -> None:
    assert {"doc_to_text", "class", "gen_prefix", "unsafe_code"} <= TASK_KEYS
    assert {"sampler", "samples", "split"} <= FEWSHOT_KEYS
