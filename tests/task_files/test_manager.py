from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.group import Group
from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError
from lm_eval.task_files.roots import BUILTIN, declared_roots
from lm_eval.tasks import TaskManager, get_task_dict, get_task_name_from_config, get_task_name_from_object
from tests.task_files.conftest import BASE, Write

FILES = {
    "base": BASE,
    "t1.yaml": "include: base\ntask: t1\ntag: tag\ntask_alias: One\nmetadata: {version: 2}",
    "t2.yaml": "include: base\ntask: t2\ntag: [tag, tag2]\nnum_fewshot: 1",
    "t3.yaml": "include: base\ntask: t3",
    "g1.yaml": """
        group: g1
        group_alias: G1
        num_fewshot: 3
        description: group
        metadata: {version: 3}
        aggregate_metric_list: {metric: exact_match}
        task:
          - t1
          - {task: t2, description: item, num_fewshot: 5}
          - group: inl
            num_fewshot: 4
            task:
              - t3
              - {task: new, include: base, description: new one}
    """,
    "g2.yaml": "group: g2\ntask: tag\nnum_fewshot: 2",
    "g3.yaml": "group: g3\nnum_fewshot: 9\ntask: [g1]",
}


def manager(root: Path, **options: Any) -> TaskManager:
    return TaskManager(include_path=root, include_defaults=False, **options)


def shots(loaded: Any) -> dict[str, int | None]:
    return {name: task.config.num_fewshot for name, task in loaded["tasks"].items()}


def test_names_are_listed_by_kind(write: Write) -> None:
    known = manager(write(FILES))
    assert known.all_subtasks == ["t1", "t2", "t3"]
    assert known.all_groups == ["g1", "g2", "g3"]
    assert known.all_tags == ["tag", "tag2"]
    assert known.all_tasks == ["g1", "g2", "g3", "t1", "t2", "t3", "tag", "tag2"]
    assert known.match_tasks(["t?", "g1", "nope", "t1"]) == ["g1", "t1", "t2", "t3"]
    assert "|t2 " in known.list_all_tasks()


def test_a_task_has_its_config_and_metadata(write: Write) -> None:
    root = write(FILES)
    config = manager(root, metadata={"more": 1}).load("t1")["tasks"]["t1"].config
    assert (config.task, config.task_alias, config.dataset_path) == ("t1", "One", "json")
    assert config.metadata == {"version": 2, "more": 1, "config_source": str(root / "t1.yaml")}


def test_a_tag_gives_its_sorted_tasks(write: Write) -> None:
    loaded = manager(write(FILES)).load(["tag"])
    assert list(loaded["tasks"]) == ["t1", "t2"]
    assert loaded["groups"] == {}


def test_an_item_wins_over_the_group(write: Write) -> None:
    loaded = manager(write(FILES)).load("g1")
    assert shots(loaded) == {"t1": 3, "t2": 5, "t3": 3, "g1::inl::new": 3}
    said = {name: task.config.description for name, task in loaded["tasks"].items()}
    assert said == {"t1": "group", "t2": "item", "t3": "group", "g1::inl::new": "new one"}


def test_groups_and_their_members(write: Write) -> None:
    loaded = manager(write(FILES)).load("g1")
    assert loaded["group_map"] == {"g1": ["t1", "t2", "g1::inl"], "g1::inl": ["t3", "g1::inl::new"]}
    group = loaded["groups"]["g1"]
    assert (group.alias, group.version, group.has_aggregation) == ("G1", 3, True)
    assert loaded["groups"]["g1::inl"].get("t3") is loaded["tasks"]["t3"]


def test_an_outer_group_wins_over_an_inner_one(write: Write) -> None:
    assert shots(manager(write(FILES)).load("g3")) == {"t1": 9, "t2": 5, "t3": 9, "g1::inl::new": 9}


def test_the_caller_wins_over_the_group(write: Write) -> None:
    known = manager(write(FILES))
    assert shots(known.load({"task": "g1", "num_fewshot": 7})) == {"t1": 7, "t2": 5, "t3": 7, "g1::inl::new": 7}
    assert shots(known.load({"task": "tag", "num_fewshot": 7})) == {"t1": 7, "t2": 7}
    assert shots(known.load({"task": "t1", "num_fewshot": 7})) == {"t1": 7}
    assert shots(known.load({"group": "g2", "num_fewshot": 7})) == {"t1": 7, "t2": 7}


def test_a_group_of_one_tag_written_as_text(write: Write) -> None:
    assert manager(write(FILES)).load("g2")["group_map"] == {"g2": ["t1", "t2"]}


def test_a_group_written_by_the_caller(write: Write) -> None:
    new = {"task": "new", "dataset_path": "json", "test_split": "train", "doc_to_text": "q", "doc_to_target": "a"}
    loaded = manager(write(FILES)).load({"group": "mine", "task": ["t1", new], "num_fewshot": 6})
    assert shots(loaded) == {"t1": 6, "mine::new": 6}


def test_a_yaml_file_is_selected_by_path(write: Write) -> None:
    root = write({**FILES, "elsewhere/x.yaml": "include: ../base\ntask: x", "elsewhere/f.yaml": "a: 1"})
    known = manager(root / "elsewhere")
    assert list(known.load(str(root / "t1.yaml"))["tasks"]) == ["t1"]
    assert list(known.load(root / "elsewhere/x.yaml")["tasks"]) == ["x"]
    with pytest.raises(TaskFileError, match="fragment"):
        known.load(str(root / "elsewhere/f.yaml"))


FOLDER = {
    "base": "dataset_path: json\ntest_split: train\ndoc_to_text: q\ndoc_to_target: a",
    "fragment.yaml": "doc_to_text: other",
    "a.yaml": "include: base\ntask: a\nprocess_docs: !function helpers.keep",
    "b.yml": "include: base\ntask: b",
    "c.yaml": "include: base\ntask: c",
    "g.yaml": "group: g\ntask: [b]",
    "inner/d.yaml": "include: ../base\ntask: d",
    "helpers.py": "def keep(docs):\n    return docs",
}


def _folder_manager(write: Write) -> tuple[TaskManager, Path]:
    folder = write(FOLDER)
    return TaskManager(include_defaults=False), folder


@pytest.mark.parametrize("as_path", [False, True])
def test_a_folder_stands_for_all_its_task_files(write: Write, as_path: bool) -> None:
    manager, folder = _folder_manager(write)
    loaded = manager.load(folder if as_path else str(folder))
    assert (set(loaded["tasks"]), set(loaded["groups"])) == ({"a", "b", "c"}, {"g"})
    assert callable(loaded["tasks"]["a"].config.process_docs)


def test_a_pattern_of_paths_stands_for_the_files_that_match(write: Write) -> None:
    manager, folder = _folder_manager(write)
    assert set(manager.load(f"{folder}/[ac].yaml")["tasks"]) == {"a", "c"}
    assert set(manager.load(f"{folder}/*/*.yaml")["tasks"]) == {"d"}


def test_a_task_is_known_by_its_name_also_where_a_folder_has_the_name(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write({**FOLDER, "a/other.yaml": "include: ../base\ntask: other"})
    monkeypatch.chdir(folder)
    assert set(TaskManager(include_path=folder, include_defaults=False).load("a")["tasks"]) == {"a"}
    assert set(TaskManager(include_defaults=False).load("a")["tasks"]) == {"other"}


def test_a_folder_without_tasks_is_named(write: Write) -> None:
    folder = write({"fragment.yaml": "doc_to_text: q"})
    with pytest.raises(ConfigError, match="defines a task"):
        TaskManager(include_defaults=False).load(str(folder))


def test_patterns_select_their_matches_once(write: Write) -> None:
    known = manager(write(FILES))
    assert list(known.load("t?")["tasks"]) == ["t1", "t2", "t3"]
    assert list(known.load("t*")["tasks"]) == ["t1", "t2", "t3"]
    loaded = known.load("[gt]1")
    assert list(loaded["groups"]) == ["g1", "g1::inl"]
    assert list(loaded["tasks"]) == ["t1", "t2", "t3", "g1::inl::new"]
    with pytest.raises(ConfigError, match="matches the pattern"):
        known.load("zzz*")


def test_objects_are_taken_as_they_are(write: Write) -> None:
    known = manager(write(FILES))
    task = known.load("t1")["tasks"]["t1"]
    group = Group("made")
    group.add(task)
    assert known.load(task)["tasks"]["t1"] is task
    assert known.load([group])["groups"]["made"] is group


def test_a_task_reached_through_two_items_is_an_error(write: Write) -> None:
    known = manager(write(FILES))
    assert list(known.load(["t1", "t1"])["tasks"]) == ["t1"]
    for items in (["t1", "g1"], ["g1", "g2"], ["t1", {"task": "t1", "num_fewshot": 1}], ["t1", "t?"]):
        with pytest.raises(ConfigError, match="selected twice"):
            known.load(items)


def test_a_member_twice_with_the_same_settings_is_one_task(write: Write) -> None:
    root = write({**FILES, "g.yaml": "group: g\ntask: [t1, {group: sub, task: [t1]}]"})
    loaded = manager(root).load("g")
    assert list(loaded["tasks"]) == ["t1"]
    assert loaded["groups"]["g::sub"].get("t1") is loaded["groups"]["g"].get("t1")


def test_a_member_twice_with_different_settings_is_an_error(write: Write) -> None:
    root = write({**FILES, "g.yaml": "group: g\ntask: [t1, {task: t1, num_fewshot: 4}]"})
    with pytest.raises(TaskFileError, match=r"g\.yaml \[task\]: task 't1' is a member twice"):
        manager(root).load("g")


def test_a_group_cannot_contain_itself(write: Write) -> None:
    root = write({"a.yaml": "group: a\ntask: [b]", "b.yaml": "group: b\ntask: [a]"})
    with pytest.raises(TaskFileError, match="contains itself"):
        manager(root).load("a")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("t1x", "Did you mean 't1'"),
        ({"task": "t1x"}, "Did you mean"),
        ({"task": "zzzz", "num_fewshot": 1}, "Unknown task or group 'zzzz'"),
        ("zzzz", "lm_eval ls tasks"),
    ],
)
def test_unknown_names_are_errors_with_the_nearest_names(write: Write, item: object, said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        manager(write(FILES)).load(item)


def test_an_unknown_name_may_be_in_a_broken_file(write: Write) -> None:
    with pytest.raises(UnknownNameError, match="1 files with errors"):
        manager(write({"x.yaml": "task: qqqq\nfoo: [", "a.yaml": "task: a"})).load("qqqq")


@pytest.mark.parametrize(
    ("files", "name", "said"),
    [
        ({"g.yaml": "group: g\ntask: [nowhere]"}, "g", "Unknown task or group 'nowhere'"),
        (
            {"g.yaml": "group: g\nnum_fewshots: 3\ntask: [t1]"},
            "g",
            r"g\.yaml:2 \[num_fewshots\].*Did you mean 'num_few",
        ),
        ({"g.yaml": "group: g\ntask: [{task: t1, num_fewshots: 3}]"}, "g", "num_fewshot"),
        (
            {"x.yaml": "include: base\ntask: x\ndoc_to_txt: a"},
            "x",
            r"x\.yaml:3 \[doc_to_txt\].*Did you mean 'doc_to_text'",
        ),
        ({"x.yaml": "include: base\ntask: x\noutput_type: guess"}, "x", r"x\.yaml.*output_type"),
        ({"x.yaml": "task: x\nclass: !function u.C", "u.py": "C = 1"}, "x", "not a subclass"),
        ({"g.yaml": "group: g\ntask: [{task: n, doc_to_text: q}]"}, "g", "has no dataset"),
        ({"g.yaml": "group: g\ntask: [t1]\naggregate_metric_list: [{metrc: acc}]"}, "g", "needs a 'metric'"),
    ],
)
def test_faults_name_the_file(write: Write, files: dict[str, str], name: str, said: str) -> None:
    with pytest.raises(TaskFileError, match=said):
        manager(write({**FILES, **files})).load(name)


def test_unknown_keys_of_an_external_fragment_cause_a_warning(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    root = write({"base": BASE + "\nold_key: 1\n", "t.yaml": "include: base\ntask: t"})
    with caplog.at_level(logging.WARNING, "lm_eval"):
        assert list(manager(root).load("t")["tasks"]) == ["t"]
    assert "unknown key 'old_key'" in caplog.text


def test_python_tasks(write: Write) -> None:
    root = write(
        {
            "task.py": """
                from lm_eval.api.task import ConfigurableTask

                BASE = {"output_type": "generate_until", "metric_list": [{"metric": "exact_match"}]}

                class Takes(ConfigurableTask):
                    def __init__(self, config=None):
                        self.recipe = config["recipe"]
                        super().__init__(config=BASE)

                class TakesAny(ConfigurableTask):
                    def __init__(self, **kwargs):
                        super().__init__(config={**BASE, "metadata": {"version": 7}})

                class TakesNone(ConfigurableTask):
                    def __init__(self):
                        super().__init__(config=BASE)
            """,
            "a.yaml": "task: a\nrecipe: r\nclass: !function task.Takes",
            "b.yaml": "task: b\nclass: !function task.TakesAny",
            "c.yaml": "task: c\nclass: !function task.TakesNone",
        }
    )
    known = manager(root)
    tasks: dict[str, Any] = known.load(["a", "b", "c"])["tasks"]
    assert [task.task_name for task in tasks.values()] == ["a", "b", "c"]
    assert tasks["a"].recipe == "r"
    assert tasks["b"].config.metadata["version"] == 7
    assert known.load({"task": "b", "num_fewshot": 2})["tasks"]["b"].config.num_fewshot == 2


def test_two_loads_give_two_tasks(write: Write) -> None:
    known = manager(write(FILES))
    assert known.load("t1")["tasks"]["t1"] is not known.load("t1")["tasks"]["t1"]


def test_nested_dicts(write: Write) -> None:
    known = manager(write(FILES))
    made = get_task_dict(["g2", "t3"], known)
    assert [str(key) for key in made] == ["ConfigurableGroup(group=g2,group_alias=None)", "t3"]
    assert list(next(iter(made.values()))) == ["t1", "t2"]  # type: ignore[arg-type]


def test_names_from_configs_and_objects(write: Write) -> None:
    assert get_task_name_from_config({"task": "a", "dataset_path": "x"}) == "a"
    assert get_task_name_from_config({"dataset_path": "x", "dataset_name": "y"}) == "x_y"
    assert get_task_name_from_config({"dataset_path": "x"}) == "x"
    assert get_task_name_from_object(manager(write(FILES)).load("t1")["tasks"]["t1"]) == "t1"


def test_an_include_path_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a folder"):
        TaskManager(include_path=tmp_path / "nowhere")


def test_installed_packages_declare_roots(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write(
        {
            "my_tasks_pkg/__init__.py": "raise SystemError",
            "my_tasks_pkg/x.yaml": "task: declared_x",
            "my_tasks-1.0.dist-info/METADATA": "Name: my-tasks\nVersion: 1.0\n",
            "my_tasks-1.0.dist-info/entry_points.txt": "[lm_eval.tasks]\nmine = my_tasks_pkg\n",
        }
    )
    assert declared_roots() == [BUILTIN]
    monkeypatch.syspath_prepend(str(root))
    assert declared_roots() == [BUILTIN, root / "my_tasks_pkg"]
    assert "declared_x" in TaskManager().all_subtasks


def test_a_faulty_file_does_not_leave_its_name_to_an_earlier_root(write: Write) -> None:
    root = write({"first/a.yaml": "task: a\noutput_type: generate_until", "second/a.yaml": "include: nowhere\ntask: a"})
    manager = TaskManager(include_path=[root / "first", root / "second"], include_defaults=False)
    with pytest.raises(TaskFileError, match=r"second/a\.yaml.*nowhere, which does not exist"):
        manager.load(["a"])
