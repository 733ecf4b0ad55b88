from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config.evaluate_config import EvaluatorConfig

TASK = """
task: one
dataset_path: json
test_split: train
doc_to_text: q
doc_to_target: a
process_docs: !function helpers.keep
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/one.yaml").write_text(TASK)
    (tmp_path / "tasks/fragment.yaml").write_text("doc_to_text: q")
    (tmp_path / "tasks/helpers.py").write_text("def keep(docs):\n    return docs")
    return tmp_path / "tasks"


def test_defaults_are_those_of_the_reference() -> None:
    config = EvaluatorConfig.from_cli(Namespace(tasks=None, func=print, command="run"))
    assert (config.model, config.batch_size, config.device, config.tasks) == ("hf", 1, "cuda:0", [])
    assert (config.seed, config.num_fewshot, config.limit) == ([0, 1234, 1234, 1234], None, None)
    assert (config.model_args, config.cache_requests, config.apply_chat_template) == ({}, {}, False)


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "model: a\nnum_fewshot: 5\ntasks: [x, y]\nlimit: 3\nmodel_args: model=m,num_concurrent=2\n"
        "apply_chat_template: true\nfewshot_as_multiturn: true\n",
    )
    given = Namespace(config=str(file), model="b", num_fewshot=0, tasks=None, limit=None, fewshot_as_multiturn=False)
    config = EvaluatorConfig.from_cli(given)
    assert (config.model, config.num_fewshot, config.tasks, config.limit) == ("b", 0, ["x", "y"], 3)
    assert config.model_args == config.metadata == {"model": "m", "num_concurrent": 2}
    assert config.fewshot_as_multiturn is False


def test_a_file_alone_is_read_and_completed(tmp_path: Path) -> None:
    file = _file(tmp_path, "tasks: x\nseed: 7\napply_chat_template: true\ngen_kwargs: {top_p: 0.5}\nmetadata: k=v\n")
    config = EvaluatorConfig.from_config(file)
    assert (config.seed, config.fewshot_as_multiturn) == ([7] * 4, True)
    assert (config.gen_kwargs, config.metadata) == ({"top_p": 0.5}, {"k": "v"})


@pytest.mark.parametrize(
    ("seed", "seeds"),
    [(42, [42] * 4), ("42", [42] * 4), ([1, 2, 3], [1, 2, 3, 1234]), (None, None), ([0, None, 1, 2], [0, None, 1, 2])],
)
def test_seeds(seed: Any, seeds: object) -> None:
    assert EvaluatorConfig(seed=seed)._configure().seed == seeds


def test_predictions_alone_are_samples() -> None:
    assert EvaluatorConfig(predict_only=True, output_path="out")._configure().log_samples is True


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"log_samples": True}, "output_path"),
        ({"fewshot_as_multiturn": True}, "apply_chat_template"),
        ({"limit": 3, "samples": {"a": [0]}}, "exclude each other"),
        ({"seed": [1, 2]}, "seed"),
        ({"tasks": None}, "No tasks given"),
    ],
)
def test_what_makes_no_run_is_a_value_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EvaluatorConfig(**given)._configure()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("tsks: x", ValueError, "'tasks'"),
        ("- a", TypeError, "name: value"),
        ("a: [", ValueError, "Invalid YAML"),
    ],
)
def test_faulty_files(tmp_path: Path, text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        EvaluatorConfig.from_config(_file(tmp_path, text))


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        EvaluatorConfig.from_config(tmp_path / "gone.yaml")


def test_tasks_become_names() -> None:
    config = EvaluatorConfig(tasks=["arc_easy,gsm8k", "arc_eas*", {"task": "gsm8k", "num_fewshot": 1}])
    manager = config.process_tasks({"k": 1})
    assert config.tasks == ["arc_easy", "gsm8k", {"task": "gsm8k", "num_fewshot": 1}]
    assert (manager.metadata, config.metadata) == ({"k": 1}, {"k": 1})


def test_files_folders_and_patterns_become_configs(folder: Path) -> None:
    for tasks in (str(folder / "one.yaml"), str(folder), f"{folder}/*.yaml"):
        config = EvaluatorConfig(tasks=[tasks])
        manager = config.process_tasks()
        (found,) = config.tasks
        assert (found["task"], callable(found["process_docs"])) == ("one", True)
        assert list(manager.load(config.tasks)["tasks"]) == ["one"]


@pytest.mark.parametrize("tasks", ["nothing", ["gsm8k", "gone.yaml"]])
def test_tasks_that_do_not_exist_are_named(tasks: Any) -> None:
    with pytest.raises(ValueError, match=r"Tasks not found: (nothing|gone\.yaml)"):
        EvaluatorConfig(tasks=tasks).process_tasks()
