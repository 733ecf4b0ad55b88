from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval.errors import TaskFileError
from lm_eval.task_files.index import TaskIndex, entries_in_file
from lm_eval.task_files.parse import FunctionRef
from lm_eval.task_files.resolve import Resolved, ResolvedGroup, ResolvedTask, Resolver
from tests.task_files.conftest import Write

# No module is there: resolving must not import any.
FILES = {
    "t1.yaml": "task: t1\ntag: tag\nprocess_docs: !function nowhere.f\nnum_fewshot: 1",
    "t2.yaml": "task: t2\ntag: tag",
    "inner.yaml": "group: inner\nnum_fewshot: 3\ndescription: inner\ntask: [t1, {task: t2, num_fewshot: 5}]",
    "outer.yaml": "group: outer\nnum_fewshot: 4\ndoc_to_text: !function nowhere.g\ntask: [inner]",
    "g.yaml": "group: g\ntask: [tag, {task: new, dataset_path: json}, {group: sub, task: [t3]}]",
    "t3.yaml": "task: t3",
}


def resolve(root: Path, name: str, **overrides: object) -> list[Resolved]:
    index = TaskIndex.build([root])
    return Resolver(index, overrides).entry(index[name])


def tasks(nodes: list[Resolved]) -> dict[str, ResolvedTask]:
    """Return all tasks of some trees."""
    inside = [inner for node in nodes if isinstance(node, ResolvedGroup) for inner in node.inside()]
    return {node.name: node for node in [*nodes, *inside] if isinstance(node, ResolvedTask)}


def shots(nodes: list[Resolved]) -> dict[str, object]:
    return {name: task.overrides.get("num_fewshot") for name, task in tasks(nodes).items()}


@pytest.mark.parametrize(
    ("name", "overrides", "expected"),
    [
        ("t1", {}, None),
        ("inner", {}, 3),
        ("outer", {}, 4),
        ("inner", {"num_fewshot": 9}, 9),
        ("outer", {"num_fewshot": 9}, 9),
    ],
)
def test_the_caller_wins_over_groups_and_the_outer_group_over_the_inner(
    write: Write, name: str, overrides: dict[str, object], expected: int | None
) -> None:
    assert shots(resolve(write(FILES), name, **overrides))["t1"] == expected


@pytest.mark.parametrize("overrides", [{}, {"num_fewshot": 9}])
def test_an_item_wins_over_all(write: Write, overrides: dict[str, object]) -> None:
    assert shots(resolve(write(FILES), "outer", **overrides))["t2"] == 5


def test_functions_stay_names_of_functions(write: Write) -> None:
    root = write(FILES)
    overrides = tasks(resolve(root, "outer"))["t1"].overrides
    assert overrides["doc_to_text"] == FunctionRef("nowhere.g", str(root / "outer.yaml"), 3)


def test_members_that_are_written_out_are_named_after_their_group(write: Write) -> None:
    (group,) = resolve(write(FILES), "g")
    assert isinstance(group, ResolvedGroup)
    assert list(group.members) == ["t1", "t2", "g::new", "g::sub"]
    assert [node.name for node in group.inside()] == ["t1", "t2", "g::new", "g::sub", "t3"]


def test_keys_of_a_group_stay_with_the_group(write: Write) -> None:
    (group,) = resolve(write(FILES), "inner", metadata={"version": 2}, task_alias="Shown")
    assert isinstance(group, ResolvedGroup)
    assert (group.config["metadata"], group.config["group_alias"]) == ({"version": 2}, "Shown")
    assert set(tasks([group])["t1"].overrides) == {"num_fewshot", "description"}


def test_names_can_be_left_out_but_must_exist(write: Write) -> None:
    root = write({**FILES, "bad.yaml": "group: bad\ntask: [t1, nowhere]"})
    index = TaskIndex.build([root])
    resolver = Resolver(index, follow_names=False)
    assert [list(tasks([node])) for node in resolver.entry(index["inner"])] == [["t2"]]
    with pytest.raises(TaskFileError, match="Unknown task or group 'nowhere'"):
        replace(resolver, seen={}).entry(index["bad"])


def test_a_file_lists_its_entries(write: Write) -> None:
    root = write({"t.yaml": "task: t", "fragment.yaml": "doc_to_text: q"})
    assert [entry.name for entry in entries_in_file(root / "t.yaml")] == ["t"]
    assert entries_in_file(root / "fragment.yaml") == []
