from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from lm_eval.task_files.modules import add_root, import_file
from tests.task_files.conftest import Write


def load(file: Path) -> dict[str, Any]:
    return vars(import_file(file))


def test_two_roots_may_have_modules_of_the_same_name(write: Write) -> None:
    root = write({"one/fam/utils.py": "x = 1", "two/fam/utils.py": "x = 2"})
    add_root(root / "one")
    add_root(root / "two")
    assert load(root / "one/fam/utils.py")["x"] == 1
    assert load(root / "two/fam/utils.py")["x"] == 2


def test_lm_eval_tasks_is_the_root_of_the_module(write: Write) -> None:
    # "gsm8k" also exists in the built-in library, without such a module.
    root = write(
        {
            "gsm8k/helper.py": "x = 'theirs'",
            "fam/utils.py": """
                from lm_eval.tasks.gsm8k.helper import x as a
                from lm_eval.tasks.gsm8k import helper
                from lm_eval.tasks import gsm8k as family
                import lm_eval.tasks.gsm8k.helper as aliased

                def later():
                    from lm_eval.tasks.gsm8k.helper import x
                    return x
            """,
        }
    )
    add_root(root)
    found = load(root / "fam/utils.py")
    assert (found["a"], found["helper"].x, found["aliased"].x, found["later"]()) == ("theirs",) * 4
    assert found["family"].helper is found["helper"]


def test_the_harness_itself_is_not_redirected(write: Write) -> None:
    root = write(
        {
            "manager.py": "",
            "fam/utils.py": "from lm_eval.tasks import TaskManager\nfrom lm_eval.tasks.manager import TaskDict",
        }
    )
    add_root(root)
    from lm_eval.task_files.manager import TaskManager

    assert load(root / "fam/utils.py")["TaskManager"] is TaskManager


def test_a_module_of_another_root_is_found(write: Write) -> None:
    root = write(
        {"one/only_here_x/utils.py": "x = 1", "two/fam/utils.py": "from lm_eval.tasks.only_here_x.utils import x"}
    )
    add_root(root / "one")
    add_root(root / "two")
    assert load(root / "two/fam/utils.py")["x"] == 1


def test_a_folder_below_lm_eval_tasks_belongs_to_that_root(write: Write) -> None:
    root = write(
        {
            "lm_eval/tasks/ruler_x/common.py": "x = 1",
            "lm_eval/tasks/ruler_x/utils.py": "from lm_eval.tasks.ruler_x.common import x",
        }
    )
    assert load(root / "lm_eval/tasks/ruler_x/utils.py")["x"] == 1


def test_relative_imports(write: Write) -> None:
    root = write({"fam/utils.py": "from .other import x\nfrom . import other", "fam/other.py": "x = 1"})
    add_root(root)
    assert load(root / "fam/utils.py")["x"] == 1


def test_folders_that_are_not_package_names(write: Write) -> None:
    root = write({"a-b/c d/utils.py": "x = 1", "v1.5/utils.py": "x = 2"})
    add_root(root)
    assert load(root / "a-b/c d/utils.py")["x"] == 1
    assert load(root / "v1.5/utils.py")["x"] == 2


def test_the_name_of_a_module_changes_with_its_text(write: Write) -> None:
    root = write({"one/utils.py": "def f(): return 1", "two/utils.py": "def f(): return 2"})
    names = [load(root / part / "utils.py")["f"].__module__ for part in ("one", "two")]
    assert names[0].rpartition("@")[2] != names[1].rpartition("@")[2]
    assert all(name in sys.modules for name in names)


def test_dataclasses_with_text_annotations_work(write: Write) -> None:
    root = write(
        {
            "utils.py": """
                from __future__ import annotations
                from dataclasses import dataclass

                @dataclass
                class Row:
                    text: str
            """
        }
    )
    made = load(root / "utils.py")["Row"]("a")
    assert dataclasses.asdict(made) == {"text": "a"}


def test_no_byte_code_is_left_next_to_the_source(write: Write) -> None:
    root = write({"fam/utils.py": "x = 1"})
    import_file(root / "fam/utils.py")
    assert [path.name for path in (root / "fam").iterdir()] == ["utils.py"]
