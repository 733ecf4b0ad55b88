from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.task_page import task_page
from lm_eval.task_files.manager import TaskManager
from tests.fakes import write_tasks

PARENT = "repeats: 2\ngeneration_kwargs: {until: ['END'], max_gen_toks: 9}\n"
CHILD = """include: parent.yaml
tag: tagged
doc_to_text: "{{q}}"
doc_to_target: "{{n}}"
description: |
  Two
  lines
num_fewshot: 1
fewshot_split: test
filter_list: [{name: last, filter: [{function: regex, regex_pattern: x}, {function: take_first}]}]
metric_list: [{metric: exact_match}]
"""


@pytest.fixture
def manager(tmp_path: Path) -> TaskManager:
    extra = {
        "child": CHILD,
        "inner": "group: inner\ntask: [choice, {task: generate, num_fewshot: 2}]\n",
        "outer": "group: outer\ntask: [inner, tagged]\naggregate_metric_list: [{metric: acc}]\n",
        "broken": "process_docs: !function absent.function\ndoc_to_text: q\n",
    }
    write_tasks(tmp_path, **extra)
    (tmp_path / "parent.yaml").write_text(PARENT)
    (tmp_path / "README.md").write_text("# About\n")
    return TaskManager(include_path=tmp_path, include_defaults=False)


def page(manager: TaskManager, name: str, **more: Any) -> list[str]:
    return task_page(manager, name, **more).splitlines()


def section(lines: list[str], title: str) -> list[str]:
    """Return the lines after a title, up to the next title."""
    start = next(place for place, line in enumerate(lines) if line.startswith(f"--- {title}")) + 1
    stop = next((place for place in range(start, len(lines)) if lines[place].startswith("--- ")), len(lines))
    return lines[start:stop]


@pytest.mark.parametrize(
    "line",
    [
        "# child: task, generate_until",
        "# tags: tagged",
        "# groups: outer",
        "# metric exact_match: mean, higher is better",
        "# filter last: regex, take_first",
        "# shots: 1",
        "# repeats: 2",
    ],
)
def test_the_facts_of_a_task(manager: TaskManager, line: str) -> None:
    assert line in page(manager, "child", prompt=False)


def test_files_are_named(manager: TaskManager, tmp_path: Path) -> None:
    lines = page(manager, "child", prompt=False)
    assert f"# file: {tmp_path / 'child.yaml'}" in lines
    assert f"# includes: {tmp_path.name}/parent.yaml" in lines
    assert f"# about: {tmp_path / 'README.md'}" in lines


def test_without_a_prompt_the_page_is_the_config_as_yaml(manager: TaskManager) -> None:
    config = yaml.safe_load(task_page(manager, "child", prompt=False))
    assert config["repeats"] == 2
    assert config["custom_dataset"] == "data:rows"
    assert config["description"] == "Two\nlines\n"
    assert "include" not in config


def test_the_prompt_is_that_of_the_doc(manager: TaskManager) -> None:
    lines = page(manager, "child", doc=3, num_fewshot=0)
    assert section(lines, "prompt of doc 3 of 10, 0 shots") == ["Two", "lines", "What is 3 + 1?"]
    assert section(lines, "target") == ["4"]


def test_shots_are_those_of_a_run(manager: TaskManager, tmp_path: Path) -> None:
    task = manager.load("child")["tasks"]["child"]
    task.set_fewshot_seed(1234)
    task.build_all_requests()
    lines = page(TaskManager(include_path=tmp_path, include_defaults=False), "child", doc=5)
    assert "\n".join(section(lines, "prompt")) == task.instances[5].args[0]


def test_stops_are_shown(manager: TaskManager) -> None:
    assert "--- stops: ['END'] ---" in page(manager, "child")


def test_choices_are_shown(manager: TaskManager) -> None:
    assert section(page(manager, "choice", doc=2), "scored after it") == ["' 2'", "' 3'"]


def test_messages_are_shown_with_their_roles(manager: TaskManager) -> None:
    lines = section(page(manager, "child", num_fewshot=1, apply_chat_template=True), "prompt")
    assert [line for line in lines if line.startswith("[")] == ["[system]", "[user]", "[assistant]", "[user]"]


def test_the_rest_is_shown_without_the_prompt(manager: TaskManager, tmp_path: Path) -> None:
    lost = "task: lost\ndataset_path: json\ndataset_kwargs: {data_files: absent.json}\ntest_split: train\n"
    (tmp_path / "lost.yaml").write_text(lost + "doc_to_text: q\ndoc_to_target: q\n")
    lines = page(TaskManager(include_path=tmp_path, include_defaults=False), "lost")
    assert "dataset_path: json" in lines
    assert lines[-1].startswith("# no prompt: ")


def test_a_task_that_cannot_be_built_is_shown_with_the_reason(manager: TaskManager) -> None:
    lines = page(manager, "broken")
    assert any(line.startswith("# cannot be built: ") and "absent" in line for line in lines)
    assert "process_docs: absent:function" in lines


def test_a_group_is_a_tree(manager: TaskManager) -> None:
    lines = page(manager, "outer")
    assert lines[0] == "# outer: group of 3 tasks"
    tree = ["# members", "# - inner (group)", "#   - choice", "#   - generate", "# - tagged (tag)", "#   - child"]
    assert lines[-6:] == tree
    assert yaml.safe_load("\n".join(lines))["aggregate_metric_list"] == [{"metric": "acc"}]


def test_a_tag_lists_its_tasks(manager: TaskManager) -> None:
    assert page(manager, "tagged") == ["# tagged: tag of 1 task", "- child"]


def test_a_file_can_be_shown(manager: TaskManager, tmp_path: Path) -> None:
    assert page(manager, str(tmp_path / "choice.yaml"), prompt=False)[0] == "# choice: task, multiple_choice"


def test_an_unknown_name_is_a_mistake(manager: TaskManager) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'child'"):
        task_page(manager, "chld")


def test_an_unknown_doc_is_a_mistake(manager: TaskManager) -> None:
    with pytest.raises(ConfigError, match="docs 0 to 9; there is no doc 10"):
        task_page(manager, "child", doc=10)


def test_the_names_of_tools_are_shown() -> None:
    shown = task_page(TaskManager(), "tool_calls_mini", doc=12)
    assert "--- tools: get_local_time, get_weather, find_flights ---" in shown
