from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.task_files.listing import Listed, listed, matches, select
from lm_eval.task_files.manager import TaskManager
from tests.task_files.conftest import Write


@pytest.fixture
def names(write: Write) -> list[Listed]:
    folder = write(
        {
            "math/_base.yaml": "dataset_path: org/data\ndataset_name: main\noutput_type: multiple_choice\n",
            "math/add.yaml": "task: add\ninclude: _base.yaml\ntag: sums\n",
            "math/deep/sub.yaml": "task: sub\ndataset_path: json\n",
            "math/all.yaml": "group: arithmetic\ntask: [add, sub]\n",
            "single.yaml": "task: single\noutput_type: loglikelihood\n",
        }
    )
    return listed(TaskManager(include_path=folder, include_defaults=False))


def of(names: list[Listed], name: str) -> Listed:
    return next(item for item in names if item.name == name)


def test_inherited_keys_are_known(names: list[Listed]) -> None:
    assert (of(names, "add").output_type, of(names, "add").dataset) == ("multiple_choice", "org/data main")


def test_the_default_output_type_is_generate_until(names: list[Listed]) -> None:
    assert of(names, "sub").output_type == "generate_until"


def test_groups_and_tags_have_no_output_type(names: list[Listed]) -> None:
    assert (of(names, "arithmetic").output_type, of(names, "sums").output_type) == ("", "")


def test_the_file_is_relative_to_its_root(names: list[Listed]) -> None:
    item = of(names, "sub")
    assert item.path.endswith(item.source)
    assert item.source.endswith("/math/deep/sub.yaml")


def test_the_family_is_the_first_folder(names: list[Listed]) -> None:
    assert [of(names, name).family for name in ("add", "sub", "sums")] == [("math",)] * 3


def test_built_in_files_have_no_root_prefix() -> None:
    assert of(listed(TaskManager()), "gsm8k").source == "gsm8k/gsm8k.yaml"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("tasks", ["add", "arithmetic", "single", "sub", "sums"]),
        ("subtasks", ["add", "single", "sub"]),
        ("groups", ["arithmetic"]),
        ("tags", ["sums"]),
    ],
)
def test_kinds(names: list[Listed], kind: str, found: list[str]) -> None:
    assert [item.name for item in select(names, kind)] == found


def test_options_can_be_combined(names: list[Listed]) -> None:
    found = select(names, "tasks", ["s*", "add"], "math", "generate_until")
    assert [item.name for item in found] == ["sub"]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("gsm", "openai_gsm8k", True),
        ("GSM", "gsm8k", True),
        ("gsm*", "openai_gsm8k", False),
        ("gsm?k", "gsm8k", True),
        ("[ab]*", "boolq", True),
    ],
)
def test_patterns(pattern: str, name: str, expected: bool) -> None:
    assert matches(name, [pattern]) is expected


@pytest.mark.parametrize(
    ("more", "near"),
    [({"family": "maths"}, "Did you mean 'math'"), ({"output_type": "multiple_choise"}, "Did you mean 'multiple")],
)
def test_a_value_that_no_task_has_is_a_mistake(names: list[Listed], more: dict[str, str], near: str) -> None:
    with pytest.raises(ConfigError, match=near):
        select(names, **more)
