"""``lm_eval export``: flat task files that need no rows, tables, or code of this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lm_eval.cli.main import main
from lm_eval.errors import ConfigError
from lm_eval.task_files.export import export
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.merge import keys_of
from tests.task_files.conftest import BASE, Write

FILES = {
    "fam/f.yaml": f"""\
{BASE}
tag: tagged
task_list:
  - task: t_${{x}}
    dataset_name: ${{x}}
    process_docs: !function utils.keep_${{x}}
    fewshot_config: {{samples: !function utils.shots}}
    cluster_key: passage
    question: q
    choices: c
    gold: 0
    each: x.tsv
---
group: g
task:
  - {{task: "t_${{x}}", each: x.tsv}}
  - {{task: inner, process_docs: !function utils.keep_1, dataset_path: d}}
  - tagged
aggregate_metric_list: [{{metric: acc}}]
""",
    "fam/x.tsv": "x\n1\n2\n",
    "fam/utils.py": """\
\"\"\"Filters.\"\"\"

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.tasks.helpers.words import join

if TYPE_CHECKING:
    from lm_eval.tasks.nowhere import Type

shots = [{"q": "no", "a": "yes"}]


@dataclass
class Row:
    name: str


def __getattr__(name):
    if not name.startswith("keep_"):
        raise AttributeError(name)
    assert "kept" in Path(__file__).with_name("_words.yaml").read_text()
    table = Path(__file__).parents[1] / "other" / "table.tsv"
    return lambda docs: join(Row(name).name, table.read_text())
""",
    "fam/own.tsv": "own",
    "fam/_words.yaml": "word: [kept]",
    "other/table.tsv": "cells",
    "other/unused.tsv": "cells",
    "helpers/words.py": """\
from lm_eval.api.filter import Filter
from lm_eval.text import shorten


def join(*words):
    return shorten(" ".join(words), 80)
""",
}
CODE = {
    "fam/_words.yaml",
    "fam/own.tsv",
    "fam/utils.py",
    "fam/x.tsv",
    "helpers/words.py",
    "other/table.tsv",
}


@pytest.fixture
def flat(write: Write) -> Path:
    root = write({f"lib/{name}": text for name, text in FILES.items()})
    assert main(["export", "g", str(root / "flat"), "--include_path", str(root / "lib")]) == 0
    return root / "flat"


def test_the_files_are_flat_and_have_the_code_and_data_they_need(flat: Path) -> None:
    assert sorted(path.name for path in flat.iterdir()) == ["g.yaml", "lm_eval_code", "t_1.yaml", "t_2.yaml"]
    code = flat / "lm_eval_code"
    files = {str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()}
    assert {file for file in files if not file.startswith("harness/")} == CODE
    # This package's own helper comes along; what the reference harness has too does not.
    assert "harness/text.py" in files and "harness/api/filter.py" not in files
    assert "from lm_eval.api.filter import Filter" in (code / "helpers/words.py").read_text()
    assert "from lm_eval_code.helpers.words import join" in (code / "fam/utils.py").read_text()


def test_values_are_written_out_and_functions_are_named(flat: Path) -> None:
    text = (flat / "t_2.yaml").read_text()
    assert "process_docs: !function 'lm_eval_code.fam.utils.keep_2'" in text
    plain = yaml.safe_load(text.replace("!function ", ""))
    assert plain["fewshot_config"] == {"samples": [{"q": "no", "a": "yes"}]}
    assert plain.keys().isdisjoint({"cluster_key", "question", "choices", "gold", "each", "include", "task_list"})
    assert yaml.safe_load((flat / "g.yaml").read_text().replace("!function ", ""))["task"] == [
        "t_1",
        "t_2",
        {"task": "inner", "process_docs": "lm_eval_code.fam.utils.keep_1", "dataset_path": "d"},
        "tagged",
    ]


def test_this_package_loads_the_files_with_the_same_configs(flat: Path, write: Write) -> None:
    before = TaskManager(include_path=flat.parent / "lib", include_defaults=False)
    after = TaskManager(include_path=flat, include_defaults=False)
    assert set(after.task_index) == set(before.task_index)
    for name in ("t_1", "t_2", "g"):
        one, other = (dict(keys_of(manager.task_index[name]).data) for manager in (before, after))
        ours = ("cluster_key", "question", "choices", "gold")
        for key in ("process_docs", "fewshot_config", *ours, "task" if name == "g" else ""):
            one.pop(key, None), other.pop(key, None)
        assert one == other
    loaded = after.load("g")["tasks"]
    assert loaded["t_2"].get_config("process_docs")([]) == "keep_2 cells"
    assert loaded["t_1"].dump_config()["fewshot_config"]["samples"] == [{"q": "no", "a": "yes"}]


def test_a_module_is_run_by_its_path_as_the_reference_harness_does(flat: Path) -> None:
    program = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("/any/name", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.keep_1([]))
"""
    path = flat / "lm_eval_code/fam/utils.py"
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "keep_1 cells\n"


def test_what_only_this_package_has_is_told(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    metric = "metric_list: [{metric: exact_match, over_repeats: [mean@2], ignore_case: true}]\nrepeats: 2\n"
    root = write({"lib/t.yaml": f"task: t\ndataset_path: d\n{metric}"})
    assert main(["export", "t", str(root / "flat"), "--include_path", str(root / "lib")]) == 0
    captured = capsys.readouterr()
    assert captured.out == "over_repeats, which only this package has, is left out of 1 tasks: t\n"
    assert captured.err == f"1 tasks and 0 groups in {root}/flat\n"
    assert yaml.safe_load((root / "flat/t.yaml").read_text())["metric_list"] == [
        {"metric": "exact_match", "ignore_case": True}
    ]


def test_members_of_a_group_have_only_what_the_reference_harness_has(write: Write) -> None:
    member = "{task: n, include: base, cluster_key: c, num_fewshot: 1}"
    group = f"group: g\ntask: [t@mcqa, {{task: t@cloze, num_fewshot: 2}}, {{task: t, formats: cot}}, {member}]"
    root = write({"lib/t.yaml": f"task: t\n{BASE}", "lib/base": "dataset_path: d", "lib/g.yaml": group})
    done = export(TaskManager(include_path=root / "lib", include_defaults=False), ["g"], root / "flat")
    assert yaml.safe_load((root / "flat/g.yaml").read_text())["task"] == [
        "t",
        {"task": "t", "num_fewshot": 2},
        {"task": "t"},
        {"task": "n", "dataset_path": "d", "num_fewshot": 1},
    ]
    assert done.left_out == {"cluster_key": ["g"], "formats": ["g"]}


def test_a_name_with_a_format_is_refused_since_the_files_would_be_another_task(write: Write) -> None:
    root = write({"lib/t.yaml": f"task: t\n{BASE}"})
    with pytest.raises(ConfigError, match=r"'t@generate': a flat task file has no prompt format; export t\.$"):
        export(TaskManager(include_path=root / "lib", include_defaults=False), ["t@generate"], root / "flat")
    assert not (root / "flat").exists()


def test_a_folder_with_files_is_not_touched(write: Write) -> None:
    root = write({"lib/t.yaml": "task: t\ndataset_path: d", "full/note": "mine"})
    manager = TaskManager(include_path=root / "lib", include_defaults=False)
    with pytest.raises(ConfigError, match="no empty folder"):
        export(manager, ["t"], root / "full")
    assert [path.name for path in (root / "full").iterdir()] == ["note"]


def test_the_library_is_exported_with_the_same_configs(tmp_path: Path) -> None:
    manager = TaskManager()
    names = ["belebele_deu_Latn", "global_mmlu_ar", "bbh_fewshot_snarks", "leaderboard_bbh_snarks", "flores_eu"]
    done = export(manager, names, tmp_path / "flat")
    assert (len(done.tasks), done.groups) == (25, ["flores_eu", "global_mmlu_ar"])
    after = TaskManager(include_path=tmp_path / "flat", include_defaults=False)
    before, flat = manager.load(done.tasks)["tasks"], after.load(done.tasks)["tasks"]
    assert list(before) == list(flat)
    for name, task in before.items():
        one, other = dict(task.dump_config()), dict(flat[name].dump_config())
        for config in (one, other):
            config["metadata"] = {**config["metadata"], "config_source": None}
            for key in ("cluster_key", "question", "choices"):
                config.pop(key, None)
            config.pop("process_docs", None)  # its text differs where it names a module
        assert one == other


def test_files_and_folders_are_exported_by_their_paths(write: Write) -> None:
    rows = "task_list: [{task: one}, {task: two}]\n---\ngroup: both\ntask: [one, two]\n"
    root = write(
        {"lib/t.yaml": f"task: t\n{BASE}", "mine/rows.yaml": f"{BASE}{rows}", "mine/u.yaml": f"task: u\n{BASE}"}
    )
    manager = TaskManager(include_path=root / "lib", include_defaults=False)
    for number, (path, names) in enumerate(
        [("mine/rows.yaml#one", ["one"]), ("mine/rows.yaml", ["one", "two"]), ("mine", ["one", "two", "u"])]
    ):
        done = export(manager, [str(root / path)], root / f"flat{number}")
        assert done.tasks == names
    assert done.groups == ["both"]
    assert export(manager, ["t", str(root / "mine/u.yaml")], root / "more").tasks == ["t", "u"]


def test_a_file_with_a_name_of_the_library_is_not_mixed_with_it(write: Write) -> None:
    root = write({"lib/t.yaml": f"task: t\n{BASE}", "mine/t.yaml": f"task: t\n{BASE}"})
    manager = TaskManager(include_path=root / "lib", include_defaults=False)
    assert export(manager, [str(root / "mine/t.yaml")], root / "own").tasks == ["t"]
    with pytest.raises(ConfigError, match="'t' is also the name of a task in one of the files"):
        export(manager, ["t", str(root / "mine/t.yaml")], root / "flat")
