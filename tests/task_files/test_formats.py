"""Names with a format: tasks, groups, tags, patterns, files and members."""

from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.api.formatted_task import FormattedTask
from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError, UserError
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.validate import validate
from tests.task_files.conftest import Write

_CHOICE = """\
dataset_path: json
test_split: train
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: "{{c}}"
doc_to_target: gold
tag: some
"""
FILES = {
    "mc1.yaml": f"task: mc1\ntask_alias: One\n{_CHOICE}",
    "mc2.yaml": f"task: mc2\n{_CHOICE}",
    "own.yaml": f"task: own\n{_CHOICE}formats: {{mcqa: null, generate: {{instruction: Choose.}}}}\n",
    "gen.yaml": "task: gen\ndataset_path: json\ntest_split: train\ndoc_to_text: q\ndoc_to_target: a\ntag: some\n",
    "blimp.yaml": f"task: bare\n{_CHOICE.replace('{{q}}', '')}",
    "g.yaml": "group: g\ngroup_alias: All\ntask: [mc1, sub, gen]\naggregate_metric_list: [{metric: acc_norm}]",
    "sub.yaml": "group: sub\ntask: [mc2]\naggregate_metric_list: [{metric: acc_norm, weight_by_size: true}]",
    "whole.yaml": "group: whole\nformats: {generate: {instruction: Choose.}}\ntask: [mc1, gen]",
    "mixed.yaml": "group: mixed\ntask: [mc1@mcqa, {task: mc1@generate, num_fewshot: 2}, {task: mc2, formats: cloze}]",
}


@pytest.fixture
def manager(write: Write) -> TaskManager:
    return TaskManager(include_path=write(FILES), include_defaults=False)


@pytest.mark.parametrize(
    ("asked", "tasks"),
    [
        ("mc1@generate", ["mc1@generate"]),
        ("mc1@generate+constrained", ["mc1@generate+constrained"]),
        ("g@generate", ["mc1@generate", "mc2@generate", "gen"]),
        ("some@cot", ["gen", "mc1@cot", "mc2@cot", "own@cot"]),
        ("mc*@mcqa", ["mc1@mcqa", "mc2@mcqa"]),
        ("mixed", ["mc1@mcqa", "mc1@generate", "mc2@cloze"]),
        ({"task": "mc1", "formats": "generate"}, ["mc1@generate"]),
        ({"task": "mc1@generate", "num_fewshot": 3}, ["mc1@generate"]),
        (["mc1", "mc1@generate", "mc1@cot"], ["mc1", "mc1@generate", "mc1@cot"]),
    ],
)
def test_names(manager: TaskManager, asked: object, tasks: list[str]) -> None:
    loaded = manager.load(asked)["tasks"]
    assert [name for name in loaded if name != "bare"] == tasks
    for name, task in loaded.items():
        assert task.task_name == name
        assert isinstance(task, FormattedTask) == ("@" in name)


def test_a_path_takes_a_format(manager: TaskManager, tmp_path: Path) -> None:
    assert list(manager.load(f"{tmp_path}/mc2.yaml@generate")["tasks"]) == ["mc2@generate"]


def test_a_group_is_named_after_the_format_and_aggregates_its_scores(manager: TaskManager) -> None:
    loaded = manager.load("g@generate")
    assert loaded["group_map"] == {
        "g@generate": ["mc1@generate", "sub@generate", "gen"],
        "sub@generate": ["mc2@generate"],
    }
    group = loaded["groups"]["g@generate"]
    assert group.alias == "All@generate"
    metrics = {
        name: [item.metric for item in loaded["groups"][name].aggregate_metric_list or []] for name in loaded["groups"]
    }
    assert metrics == {"g@generate": ["acc", "acc_norm"], "sub@generate": ["acc"]}
    assert loaded["tasks"]["mc1@generate"].get_config("task_alias") == "One@generate"


def test_a_task_file_sets_its_default_and_the_fields_of_others(manager: TaskManager) -> None:
    own = manager.load("own")["tasks"]["own"]
    assert isinstance(own, FormattedTask)
    assert own.format.name == "mcqa"
    generate = manager.load("own@generate")["tasks"]["own@generate"]
    assert generate.get_config("formats")["instruction"] == "Choose."
    cot = manager.load("own@cot")["tasks"]["own@cot"]
    assert str(cot.get_config("formats")["instruction"]).startswith("Given the following problem")


def test_a_group_sets_the_format_of_the_members_that_can_have_it(manager: TaskManager) -> None:
    loaded = manager.load("whole")["tasks"]
    assert list(loaded) == ["mc1@generate", "gen"]
    assert loaded["mc1@generate"].get_config("formats")["instruction"] == "Choose."
    assert loaded["gen"].get_config("formats") is None


def test_overrides_of_a_member_hold(manager: TaskManager) -> None:
    assert manager.load("mixed")["tasks"]["mc1@generate"].get_config("num_fewshot") == 2


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("mc1@generat", UnknownNameError, "Unknown format 'generat'. Did you mean 'generate'"),
        ("mc3@generate", UnknownNameError, "Unknown task 'mc3'"),
        ("gen@generate", ConfigError, "gen cannot be asked as generate: the model writes its answer already"),
        ("bare@generate", ConfigError, "asks no question"),
        (["mc1@generate", "g@generate"], ConfigError, "'mc1@generate' is selected twice"),
    ],
)
def test_mistakes(manager: TaskManager, asked: object, error: type[UserError], message: str) -> None:
    with pytest.raises(error, match=message):
        manager.load(asked)


def test_a_wrong_format_in_a_file_names_the_file(write: Write) -> None:
    root = write({"t.yaml": f"task: t\n{_CHOICE}formats: mqca\n"})
    with pytest.raises(TaskFileError, match=r"t\.yaml.*Did you mean 'mcqa'"):
        TaskManager(include_path=root, include_defaults=False).load("t")


def test_validate_checks_the_format_after_the_name(manager: TaskManager) -> None:
    assert validate(manager, ["mc1@generate", "g@mcqa"]) == []
    (problem,) = validate(manager, ["gen@generate"])
    assert "the model writes its answer already" in problem.reason
    with pytest.raises(UnknownNameError):
        validate(manager, ["mc3@generate"])
