from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.config.run_file import load_config_file, save_config_file
from lm_eval.errors import ConfigFileError

REFERENCE = """
model: local-completions
model_args:
  pretrained: EleutherAI/pythia-160m
  base_url: http://127.0.0.1:8000/v1/completions
  tokenizer_backend: huggingface
tasks:
  - hellaswag
  - arc_easy
num_fewshot: 0
batch_size: 1
max_batch_size: null
device: cpu
limit: 10.0
samples: null
use_cache: null
cache_requests: {cache_requests: true, rewrite_requests_cache: true, delete_requests_cache: false}
check_integrity: false
write_out: false
log_samples: true
output_path: ./results
predict_only: false
system_instruction: null
apply_chat_template: false
fewshot_as_multiturn: false
show_config: false
include_path: null
gen_kwargs: {temperature: 0.5}
verbosity: null
wandb_args: {}
wandb_config_args: {}
hf_hub_log_args: {}
trackio_args: {}
seed: [0, 1234, 1234, 1234]
trust_remote_code: false
confirm_run_unsafe_code: false
metadata: {max_seq_lengths: [4096]}
"""


def read(folder: Path, text: str, name: str = "run.yaml", **more: Any) -> dict[str, Any]:
    (folder / name).write_text(text, encoding="utf-8")
    return load_config_file(folder / name, **more)


def saved(folder: Path, settings: RunSettings) -> str:
    save_config_file(settings, folder / "saved.yaml")
    return (folder / "saved.yaml").read_text(encoding="utf-8")


def faults(folder: Path, text: str, name: str = "run.yaml", **more: Any) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        read(folder, text, name, **more)
    assert "\n" not in str(caught.value)
    return [problem.removeprefix(str(folder / name)) for problem in caught.value.problems]


def test_yaml_is_read(tmp_path: Path) -> None:
    config = RunSettings.from_mapping(read(tmp_path, "model: local-completions\nmodel_args:\n  model: m\nlimit: 5\n"))
    assert (config.model, config.model_args, config.limit) == ("local-completions", {"model": "m"}, 5)


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read(tmp_path: Path, indent: str | int | None) -> None:
    import json

    given = {"model": "m", "gen_kwargs": {"temperature": 1e-05}, "tasks": ["a", {"task": "b"}]}
    assert read(tmp_path, json.dumps(given, indent=indent), "run.json") == given


def test_a_number_with_an_exponent_is_a_number(tmp_path: Path) -> None:
    assert read(tmp_path, "gen_kwargs: {temperature: 1e-5}\n") == {"gen_kwargs": {"temperature": 1e-05}}


def test_a_file_of_the_reference_harness_loads(tmp_path: Path) -> None:
    config = RunSettings.from_mapping(read(tmp_path, REFERENCE))
    assert (config.limit, config.cache_requests, config.seed) == (10, "refresh", (0, 1234, 1234, 1234))


def test_all_faults_are_named_with_their_lines(tmp_path: Path) -> None:
    messages = faults(tmp_path, "modle: x\ntasks: [a]\nlimit: ten\nseed: [1, 2]\n")
    assert messages == [
        ":1: unknown option 'modle'. Did you mean 'model'?",
        ":3: limit takes a number, not 'ten'.",
        ":4: seed takes one seed, or four: python,numpy,torch,fewshot, not [1, 2].",
    ]


def test_a_key_given_twice_is_a_fault(tmp_path: Path) -> None:
    (message,) = faults(tmp_path, "limit: 1\nmodel_args:\n  model: a\n  model: b\n")
    assert message == ":4: 'model_args.model' is given twice, also in line 3."


def test_faults_inside_a_value_have_a_line(tmp_path: Path) -> None:
    def check(options: Mapping[str, Any]) -> Iterable[tuple[tuple[str, ...], str]]:
        return [(("model_args", name), f"no {name}") for name in options["model_args"]]

    assert faults(tmp_path, "tasks: a\nmodel_args:\n  modle: x\n", check=check) == [":3: no modle"]


def test_json_faults_have_lines_too(tmp_path: Path) -> None:
    assert faults(tmp_path, '{\n "limt": 3\n}', "run.json") == [":2: unknown option 'limt'. Did you mean 'limit'?"]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("- a list\n", "run.yaml", ": must hold options as 'name: value' lines."),
        ("", "run.yaml", ": must hold options as 'name: value' lines."),
        ("a: 1\nmodel: [unclosed\n", "run.yaml", ":3: not valid YAML: "),
        ('{"model": }', "run.json", ":1: not valid JSON: "),
        ("model: a\x08\n", "run.yaml", ": not valid YAML: unacceptable character"),
        ("model_args: {model: m, since: 2024-13-01}\n", "run.yaml", ": not valid YAML: month must be"),
    ],
)
def test_a_file_that_holds_no_options_is_named(tmp_path: Path, text: str, name: str, message: str) -> None:
    (found,) = faults(tmp_path, text, name)
    assert found.startswith(message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot read"):
        load_config_file(tmp_path / "absent.yaml")


ROUND = [
    {"model": "local-completions", "tasks": "a,b", "model_args": "model=m,base_url=http://x/v1,max_retries=3"},
    {"tasks": [{"task": "a", "num_fewshot": 3}], "limit": "0.5", "seed": "1,None,3,4", "max_errors": "0.1"},
    {"gen_kwargs": "temperature=1e-5,until=['\\n', 'Q:'],x='007'", "batch_size": "8", "apply_chat_template": True},
    {"system_instruction": "Zwei\nZeilen: ja  ", "apply_chat_template": "deepseek", "fewshot_as_multiturn": "false"},
    {"samples": '{"a": [1, 2]}', "metadata": '{"k": [1, {"b": null}], "s": "1e-5"}', "log_samples": "yes"},
    {"cache_requests": "refresh", "fresh": True, "verbosity": "DEBUG", "trackio_args": "project=no"},
]


@pytest.mark.parametrize("given", ROUND)
def test_a_saved_file_gives_the_same_options(tmp_path: Path, given: dict[str, Any]) -> None:
    config = RunSettings.from_mapping(given)
    assert RunSettings.from_mapping(read(tmp_path, saved(tmp_path, config))) == config


def test_one_time_options_are_not_saved(tmp_path: Path) -> None:
    text = saved(tmp_path, RunSettings(model="m", dry_run=True, save_config="run.yaml"))
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["model: m"]


SECRET = "sk-abcdef123456"


@pytest.mark.parametrize(
    ("given", "left_out", "source"),
    [
        ({"model_args": {"model": "m", "auth_token": SECRET}}, "model_args.auth_token", "OPENAI_API_KEY"),
        ({"model_args": {"header": {"X-Api-Key": SECRET}}}, "model_args.header.X-Api-Key", "env:NAME"),
        ({"judge_model_args": [{"model": "j", "api_key": SECRET}]}, "judge_model_args.0.api_key", "JUDGE_API_KEY"),
        ({"model_args": {"base_url": f"http://me:{SECRET}@h/v1"}}, "model_args.base_url", "OPENAI_API_KEY"),
        ({"wandb_args": {"api_key": SECRET}}, "wandb_args.api_key", "WANDB_API_KEY"),
        ({"hf_hub_log_args": {"token": SECRET}}, "hf_hub_log_args.token", "HF_TOKEN"),
    ],
)
def test_secrets_are_left_out(tmp_path: Path, given: dict[str, Any], left_out: str, source: str) -> None:
    text = saved(tmp_path, RunSettings.from_mapping(given))
    assert SECRET not in text
    assert [line for line in text.splitlines() if f"{left_out} is left out" in line and source in line] != []
