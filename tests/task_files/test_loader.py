from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import MissingPackageError, TaskFileError
from lm_eval.task_files.loader import load_file, load_yaml
from tests.task_files.conftest import Write


def test_keys_of_the_file_replace_included_keys_completely(write: Write) -> None:
    root = write(
        {
            "base": "a: {x: 1, y: 2}\nb: 1\ntask_list: [t]",
            "other": "b: 2\nc: 3",
            "sub/t.yaml": "include: [../base, ../other]\ntask: t\na: {x: 9}",
        }
    )
    assert load_yaml(root / "sub/t.yaml") == {"a": {"x": 9}, "b": 2, "c": 3, "task": "t"}


def test_includes_nest(write: Write) -> None:
    root = write({"one": "include: sub/two\na: 1", "sub/two": "include: three\nb: 2", "sub/three": "c: 3"})
    assert load_yaml(root / "one") == {"a": 1, "b": 2, "c": 3}


def test_not_recursive_keeps_the_include(write: Write) -> None:
    root = write({"base": "a: 1", "t.yaml": "include: base\ntask: t"})
    assert load_yaml(root / "t.yaml", recursive=False) == {"include": "base", "task": "t"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"t.yaml": "include: t.yaml\ntask: t"}, r"t\.yaml:1 \[include\].*includes itself"),
        ({"t.yaml": "include: u\ntask: t", "u": "a: 1\ninclude: t.yaml"}, r"u:2 \[include\].*includes itself"),
        ({"t.yaml": "task: t\ninclude: gone"}, r"t\.yaml:2 \[include\].*gone, which does not exist"),
        ({"t.yaml": "include: {a: 1}"}, r"include is a file name"),
        ({"t.yaml": "task: t\nfoo: [1, 2"}, r"t\.yaml:\d: not valid YAML"),
        ({"t.yaml": ""}, "empty"),
        ({"t.yaml": "- a"}, "sequence"),
        ({"t.yaml": "a: !function nodot"}, r"t\.yaml:1: !function needs 'module.name'"),
        ({"t.yaml": "a: 2020-99-99"}, "cannot be read"),
    ],
)
def test_faults_name_file_key_and_line(write: Write, files: dict[str, str], said: str) -> None:
    root = write(files)
    with pytest.raises(TaskFileError, match=said):
        load_yaml(root / "t.yaml")


def test_a_missing_file_is_a_task_file_error(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError, match="cannot be read"):
        load_yaml(tmp_path / "gone.yaml")


def test_functions_are_found_anywhere_in_a_config(write: Write) -> None:
    root = write(
        {
            "utils.py": "def f(x):\n    return x + 1\nlimit = 5",
            "sub/deep.py": "class C: pass",
            "t.yaml": """
                a: !function utils.f
                b: [{c: !function utils.limit}]
                d: !function sub.deep.C
                e: !function os.path.join
            """,
        }
    )
    loaded: dict[str, Any] = load_yaml(root / "t.yaml")
    assert loaded["a"](1) == 2
    assert loaded["b"] == [{"c": 5}]
    assert loaded["d"].__name__ == "C"
    assert loaded["e"]("a", "b") == str(Path("a", "b"))


def test_a_function_of_an_included_file_is_next_to_that_file(write: Write) -> None:
    root = write(
        {"lib/base": "f: !function u.f", "lib/u.py": "f = 'lib'", "u.py": "f = 'own'", "t.yaml": "include: lib/base"}
    )
    assert load_yaml(root / "t.yaml")["f"] == "lib"


def test_a_module_is_executed_once(write: Write) -> None:
    root = write({"utils.py": "box = []", "t.yaml": "a: !function utils.box", "u.yaml": "a: !function utils.box"})
    assert load_yaml(root / "t.yaml")["a"] is load_yaml(root / "u.yaml")["a"]


def test_without_resolving_no_code_runs(write: Write) -> None:
    root = write({"utils.py": "raise SystemError", "t.yaml": "a: !function utils.f"})
    assert load_yaml(root / "t.yaml", resolve_func=False) == {"a": str(root / "utils.f")}


def test_the_result_can_be_changed(write: Write) -> None:
    root = write({"t.yaml": "a: {b: [1]}"})
    loaded: dict[str, Any] = load_yaml(root / "t.yaml")
    loaded["a"]["b"].append(2)
    assert load_yaml(root / "t.yaml") == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("def fn(): ...", TaskFileError, r"t\.yaml:2 \[a\]: .*has no 'f'"),
        ("def ff(): ...", TaskFileError, "Did you mean 'ff'"),
        ("import no_such_package_x.y", MissingPackageError, r"t\.yaml:2 \[a\].*pip install no-such-package-x"),
        ("raise Exception('please pip install foo')", MissingPackageError, "pip install foo"),
        ("1 / 0", TaskFileError, "ZeroDivisionError"),
        ("def (", TaskFileError, "SyntaxError"),
        ("import sys; sys.exit('no swipl')", TaskFileError, "SystemExit: no swipl"),
        ("import sibling", TaskFileError, "No module named 'sibling'"),
        ("from lm_eval.tasks.nowhere import x", TaskFileError, "lm_eval.tasks.nowhere"),
    ],
)
def test_faults_of_functions(write: Write, code: str, error: type[Exception], said: str) -> None:
    root = write({"utils.py": code, "sibling.py": "", "t.yaml": "task: t\na: !function utils.f"})
    with pytest.raises(error, match=said):
        load_yaml(root / "t.yaml")


def test_a_missing_module(write: Write) -> None:
    root = write({"t.yaml": "a: !function nowhere_at_all.f"})
    with pytest.raises(TaskFileError, match="no module"):
        load_yaml(root / "t.yaml")


def test_origins_are_kept(write: Write) -> None:
    root = write({"base": "a: 1\nb: 2", "t.yaml": "include: base\ntask: t\na: 3"})
    origins = load_file(root / "t.yaml").origins
    assert origins["a"] == (str(root / "t.yaml"), 3)
    assert origins["b"] == (str(root / "base"), 2)
