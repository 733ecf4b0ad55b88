"""Mistakes in task files: ``validate`` names them, the task is refused before anything is asked, other files load."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.errors import UserError
from lm_eval.evaluator import simple_evaluate
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.validate import validate
from tests.fakes import FakeLM, write_tasks

_GENERATE = "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\n"
_FILTER = "filter_list:\n- name: f\n  filter:\n"
_METRIC = "metric_list:\n- metric: exact_match\n"
_BOMB = "metadata:\n  a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

MISTAKES = {
    "repeats": ("repeats: two\n", "repeats is a whole number, not 'two'"),
    "no repeats": ("repeats: 0\n", "repeats is at least 1"),
    "shots": ("num_fewshot: three\n", "num_fewshot is a whole number, not 'three'"),
    "metrics": ("metric_list: exact_match\n", "metric_list is a list, not 'exact_match'"),
    "metadata": ("metadata: 1.0\n", "metadata is a mapping"),
    "function": ("process_results: utils.score\n", "process_results is a function, not 'utils.score'"),
    "delimiter": ("target_delimiter: 3\n", "target_delimiter is a text"),
    "unsafe": ("unsafe_code: maybe\n", "unsafe_code is true or false"),
    "limit": ("generation_kwargs: {max_gen_toks: x}\n", "max_gen_toks takes a whole number"),
    "regex": (
        _FILTER + "  - {function: regex, regex_pattern: '(a'}\n",
        r"regex_pattern '\(a' is no regular expression",
    ),
    "no regex": (_FILTER + "  - {function: regex, regex_pattern: 3}\n", "regex_pattern is a regular expression, not 3"),
    "group": (_FILTER + "  - {function: regex, group_select: x}\n", "group_select is a whole number, not 'x'"),
    "ignored": (
        _FILTER + "  - {function: multi_choice_regex, regexes_to_ignore: ['[']}\n",
        r"regexes_to_ignore '\[' is no regular expression",
    ),
    "argument": (_FILTER + "  - {function: regex, regex_patern: a}\n", "regex_patern.*Did you mean 'regex_pattern'"),
    "arguments of none": (_FILTER + "  - {function: take_first, k: 2}\n", "filter 'take_first': .* 'k'"),
    "k": (_FILTER + "  - {function: take_first_k, k: many}\n", "k is a whole number of at least 1, not 'many'"),
    "k and more": (_FILTER + "  - {function: take_first_k, k: 1, kk: 2}\n", "unexpected keyword argument 'kk'"),
    "too few repeats": (_FILTER + "  - {function: take_first_k, k: 3}\nrepeats: 2\n", "needs repeats of at least 3"),
    "equal names": (
        _FILTER + "  - {function: take_first}\n- name: f\n  filter:\n  - {function: take_first}\n",
        "two entries have the name 'f'",
    ),
    "option of a metric": (_METRIC + "  ignore_cas: true\n", "unknown option 'ignore_cas'. Did you mean 'ignore_case'"),
    "pattern of a metric": (_METRIC + "  regexes_to_ignore: ['(']\n", "regexes_to_ignore .* no regular expression"),
    "direction": (_METRIC + "  higher_is_better: up\n", "higher_is_better is true or false"),
    "aliases": (_BOMB, "aliases make"),
    "itself": ("metadata: &m\n  m: *m\n", "contains itself"),
    "depth": ("metadata: " + "{a: " * 900 + "1" + "}" * 900 + "\n", "nested too deeply"),
    "include of itself": ("include: broken.yaml\n", "includes itself"),
    "include of a device": ("include: /dev/zero\n", "which is no regular file"),
    "many digits": ("num_fewshot: " + "9" * 5000 + "\n", "broken.yaml"),
}


@pytest.mark.parametrize(("body", "reason"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_and_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, reason: str
) -> None:
    folder = write_tasks(tmp_path, broken=_GENERATE + body)
    lm = FakeLM()
    with pytest.raises(UserError, match=reason) as caught:
        simple_evaluate(lm, tasks=["broken"], include_path=folder)
    assert str(caught.value).count("\n") == 0
    assert not lm.asked
    assert main(["validate", "--tasks", "broken,generate", "--include_path", str(folder)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "broken.yaml" in line
    simple_evaluate(lm, tasks=["generate"], include_path=folder, bootstrap_iters=0)
    assert lm.asked


def test_a_file_that_cannot_be_read_has_no_name(tmp_path: Path) -> None:
    deep = "metadata: " + "[" * 20_000 + "]" * 20_000 + "\n"
    manager = TaskManager(include_path=write_tasks(tmp_path, broken=_GENERATE + deep), include_defaults=False)
    (problem,) = validate(manager, ["*"])
    assert "broken.yaml" in str(problem)
    with pytest.raises(UserError, match="lacks those of 1 files with errors"):
        manager.load("broken")


def test_a_key_twice_with_the_same_value_is_no_mistake(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path, broken=_GENERATE + "metadata: {v: [1, 2]}\nmetadata: {v: [1, 2]}\n")
    assert validate(TaskManager(include_path=folder, include_defaults=False), ["broken"]) == []


def test_of_a_key_twice_the_last_one_counts_and_both_lines_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    body = _GENERATE + "repeats: 1\nrepeats: 3\nmetadata:\n  version: 1\n  version: 2\n"
    folder = write_tasks(tmp_path, broken=body)
    manager = TaskManager(include_path=folder, include_defaults=False)
    first = (folder / "broken.yaml").read_text().splitlines().index("repeats: 1") + 1
    said = [
        f"{key!r} is written twice, in lines {line} and {line + 1} of {folder}/broken.yaml; the last one counts"
        for key, line in (("repeats", first), ("version", first + 3))
    ]
    with caplog.at_level("WARNING", "lm_eval"):
        task = manager.load("broken")["tasks"]["broken"]
        manager.load("broken")
    assert (task.config.repeats, task.get_config("metadata")["version"]) == (3, 2)
    assert sorted(record.message for record in caplog.records if "twice" in record.message) == said
    assert main(["validate", "--tasks", "broken", "--include_path", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line for line in lines if "written twice" in line) == [f"broken: warning: {words}" for words in said]
    assert main(["show", "broken", "--no_prompt", "--include_path", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line for line in lines if "written twice" in line) == [f"# warning: {words}" for words in said]


def test_merged_keys_may_be_written_again(tmp_path: Path) -> None:
    body = _GENERATE + "metadata:\n  a: &a {x: 1, y: 2}\n  b: {<<: *a, x: 3}\n  c: {<<: *a, y: 4}\n"
    folder = write_tasks(tmp_path, broken=body)
    manager = TaskManager(include_path=folder, include_defaults=False)
    metadata = manager.load("broken")["tasks"]["broken"].get_config("metadata")
    assert (metadata["b"], metadata["c"]) == ({"x": 3, "y": 2}, {"x": 1, "y": 4})


def test_a_chain_of_many_includes_is_refused(tmp_path: Path) -> None:
    write_tasks(tmp_path)
    for number in range(1500):
        (tmp_path / f"part{number}.yaml").write_text(f"include: part{number + 1}.yaml\n")
    (tmp_path / "part1500.yaml").write_text("num_fewshot: 0\n")
    (tmp_path / "broken.yaml").write_text(f"task: broken\ninclude: part0.yaml\ntest_split: test\n{_GENERATE}")
    manager = TaskManager(include_path=tmp_path, include_defaults=False)
    (problem,) = validate(manager, ["broken", "generate"])
    assert "more than 100 files include each other" in problem.reason


def test_files_that_include_the_next_one_twice_are_read_once(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"part{number}.yaml").write_text(f"include: [part{number + 1}.yaml, ./part{number + 1}.yaml]\n")
    (tmp_path / "part40.yaml").write_text("num_fewshot: 0\n")
    folder = write_tasks(tmp_path, broken=_GENERATE + "include: [part0.yaml, part0.yaml]\n")
    assert validate(TaskManager(include_path=folder, include_defaults=False), ["broken"]) == []


def test_what_is_no_file_is_told_and_left_out(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "gone.yaml").symlink_to("nowhere.yaml")
    (folder / "a").mkdir()
    for name in ("up", "again"):
        (folder / "a" / name).symlink_to(folder, target_is_directory=True)
    (folder / "round").symlink_to("round")
    manager = TaskManager(include_path=folder, include_defaults=False)
    assert manager.all_subtasks == ["choice", "generate", "rolling"]
    named = sorted(Path(str(problem.path)).name for problem in manager.problems())
    assert named == ["gone.yaml", "loop.yaml", "pipe.yaml", "zero.yaml"]
    lm = FakeLM()
    simple_evaluate(lm, tasks=["generate"], include_path=folder, bootstrap_iters=0)
    assert lm.asked
    with pytest.raises(UserError):
        simple_evaluate(lm, tasks=[str(folder / "zero.yaml")], include_path=folder)
    assert sum("is no regular file" in str(problem) for problem in validate(manager, ["*"])) == 2


def test_a_folder_behind_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").mkdir()
    write_tasks(tmp_path / "real")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "real", target_is_directory=True)
    assert "generate" in TaskManager(include_path=tmp_path / "root", include_defaults=False).all_tasks
