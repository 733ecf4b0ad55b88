from __future__ import annotations

from pathlib import Path

import pytest

from lm_eval.errors import UnknownNameError
from lm_eval.task_files.validate import validate
from lm_eval.tasks import TaskManager
from tests.task_files.conftest import BASE, Write

FILES = {
    "base": BASE,
    "good.yaml": "include: base\ntask: good\ntag: tag",
    "key.yaml": "include: base\ntask: key\ntag: tag\ndoc_to_txt: a",
    "package.yaml": "include: base\ntask: package\nprocess_docs: !function needs.f",
    "needs.py": "print('noise')\nimport no_such_package_y",
    "py.yaml": "task: py\nclass: !function py.C",
    "py.py": """
        from lm_eval.api.task import Task
        class C(Task):
            def __init__(self): raise RuntimeError("loads data")
    """,
    "group.yaml": "group: group\ntask: [good, package, {task: key, num_fewshot: 1}, {task: n, include: base, tag: x}]",
    "lost.yaml": "group: lost\ntask: [nowhere, good]",
    "broken.yaml": "task: broken\nx: [",
}


def manager(root: Path) -> TaskManager:
    return TaskManager(include_path=root, include_defaults=False)


def test_every_fault_is_one_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(FILES)
    problems = validate(manager(root), ["*"])
    assert [problem.name for problem in problems] == ["", "group", "key", "lost", "package"]
    lines = [str(problem) for problem in problems]
    assert f"{root}/broken.yaml:" in lines[0]
    assert f"{root}/key.yaml:4 [doc_to_txt]" in lines[1]
    assert lines[2].startswith(f"key: {root}/key.yaml:4 [doc_to_txt]: ") and "Did you mean 'doc_to_text'" in lines[2]
    assert "Unknown task or group 'nowhere'" in lines[3]
    assert f"{root}/package.yaml:3 [process_docs]" in lines[4] and "pip install no-such-package-y" in lines[4]
    assert [problem.missing_package for problem in problems] == [False, False, False, False, True]
    assert all("\n" not in line for line in lines)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("names", "failing"),
    [
        (["good", "py"], []),
        (["tag"], ["key"]),
        (["group"], ["group", "key", "package"]),
        (["group::n"], ["group", "key", "package"]),
        (["p*"], ["package"]),
    ],
)
def test_members_are_checked_too(write: Write, names: list[str], failing: list[str]) -> None:
    assert [problem.name for problem in validate(manager(write(FILES)), names)] == failing


def test_a_group_that_contains_itself_is_told_as_in_a_run(write: Write) -> None:
    files = {"base": BASE, "t.yaml": "include: base\ntask: t", "a.yaml": "group: a\ntask: [t, b]"}
    root = write({**files, "b.yaml": "group: b\ntask: [{task: a, num_fewshot: 1}]", "c.yaml": "group: c\ntask: [a]"})
    problems = [str(problem) for problem in validate(manager(root), ["c"])]
    assert problems == [f"{name}: {root}/{name}.yaml [task]: group '{name}' contains itself" for name in "ab"]


def test_unknown_names(write: Write) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'good'"):
        validate(manager(write(FILES)), ["goood"])


def test_a_module_that_fails_is_executed_once(write: Write) -> None:
    root = write(
        {
            "base": BASE,
            "count.py": """
                from pathlib import Path
                with open(Path(__file__).with_name("runs"), "a") as file:
                    file.write("x")
                1 / 0
            """,
            **{f"{name}.yaml": f"include: base\ntask: {name}\nprocess_docs: !function count.f" for name in "abc"},
        }
    )
    assert len(validate(manager(root), ["*"])) == 3
    assert (root / "runs").read_text() == "x"


def test_folders_and_patterns_of_paths_are_checked(write: Write) -> None:
    config = "dataset_path: json\ntest_split: train\ndoc_to_text: q\ndoc_to_target: a"
    root = write(
        {
            "mine/base.yaml": config,
            "mine/good.yaml": "include: base.yaml\ntask: good",
            "mine/bad.yaml": "include: base.yaml\ntask: bad\nprocess_docs: !function nowhere.f",
            "mine/g.yaml": "group: g\ntask: [good]",
        }
    )
    manager = TaskManager(include_defaults=False)
    for name in (f"{root}/mine", f"{root}/mine/*.yaml"):
        assert [problem.name for problem in validate(manager, [name])] == ["bad"]


def test_faults_are_warnings_after_the_errors(write: Write) -> None:
    group = "aggregate_metric_list: [{metric: acc}]"
    root = write(
        {
            "base": BASE,
            "one.yaml": "include: base\ntask: one\ntag: ones\ndoc_to_text: 'Q: {q}'",
            "two.yaml": "include: base\ntask: two\nrepeats: 3",
            "g.yaml": f"group: g\ntask: [ones, {{task: two, task_alias: x}}]\n{group}",
            "h.yaml": f"group: h\ntask: [one]\n{group.replace('acc', 'exact_match')}",
            "bad.yaml": "include: base\ntask: bad\ndoc_to_txt: a",
        }
    )
    assert [problem.is_fault for problem in validate(manager(root), ["*"])] == [False]
    problems = validate(manager(root), ["*"], with_faults=True)
    assert [(problem.name, problem.is_fault) for problem in problems] == [
        ("bad", False),
        ("g", True),
        ("g", True),
        ("one", True),
        ("two", True),
    ]
    assert str(problems[1]) == (
        "g: warning: aggregate_metric_list has acc, which none of its tasks reports: exact_match,none"
    )


def test_a_path_may_have_a_format(write: Write) -> None:
    choices = BASE + "output_type: multiple_choice\ndoc_to_choice: [x, y]"
    root = write({"c/a.yaml": f"task: a\n{choices.replace('exact_match', 'acc')}", "g/b.yaml": f"task: b\n{BASE}"})
    good = [f"{root}/c@mcqa", f"{root}/c/a.yaml@generate"]
    assert validate(manager(root), good) == []
    bad = f"{root}/g/b.yaml@mcqa"
    problems = [str(problem) for problem in validate(manager(root), [bad])]
    assert len(problems) == 1
    assert problems[0].startswith(f"{bad}: b@mcqa: b cannot be asked as mcqa")
    with pytest.raises(UnknownNameError):
        validate(manager(root), [f"{root}/none@mcqa"])


def test_a_name_in_a_file_is_checked_alone(write: Write) -> None:
    rows = "task_list:\n- {task: one, doc_to_text: a}\n- {task: two, doc_to_txt: a}\n"
    root = write({"lib/fits.yaml": f"{BASE}", "mine.yaml": f"include: lib/fits.yaml\n{rows}"})
    known = TaskManager(include_path=root / "lib", include_defaults=False)
    assert validate(known, [f"{root}/mine.yaml#one"]) == []
    (problem,) = validate(known, [f"{root}/mine.yaml#two"])
    assert problem.name == "two"
    assert "doc_to_txt" in problem.reason
    with pytest.raises(UnknownNameError):
        validate(known, [f"{root}/mine.yaml#three"])
