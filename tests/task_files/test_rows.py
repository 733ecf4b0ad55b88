"""``task_list``, ``each``, several documents in a file, and ``include: file.yaml#name``."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lm_eval.cli.main import main
from lm_eval.errors import TaskFileError, UserError
from lm_eval.task_files.index import Entry, Kind, TaskIndex, entries_in_file, row_problems
from lm_eval.task_files.index_cache import scan
from lm_eval.task_files.loader import load_file, load_yaml
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.merge import keys_of
from lm_eval.task_files.validate import validate
from tests.task_files.conftest import BASE, Write
from tests.task_files.test_index import age


def index_of(root: Path) -> dict[str, Entry]:
    return TaskIndex.build([root])


def config(root: Path, name: str) -> dict[str, Any]:
    found = index_of(root)[name].cfg
    assert found is not None
    return found


def tags(root: Path) -> dict[str, set[str]]:
    return {name: entry.tags for name, entry in index_of(root).items() if entry.kind is Kind.TASK}


SHARED = """\
    dataset_path: d
    tag: all
    doc_to_text: "{{q}}"
    aggregate_metric_list: [{metric: acc}]
    metadata: {version: 2}
"""


def test_a_row_is_a_task_with_the_shared_keys(write: Write) -> None:
    root = write(
        {
            "f.yaml": SHARED
            + """\
    task_list:
      - {task: a, dataset_name: x, tag: [all, own]}
      - {task: b, doc_to_text: other}
      - plain
    """
        }
    )
    shared = {"dataset_path": "d", "doc_to_text": "{{q}}", "metadata": {"version": 2}}
    assert config(root, "a") == {**shared, "task": "a", "dataset_name": "x", "tag": ["all", "own"]}
    assert config(root, "b") == {**shared, "task": "b", "doc_to_text": "other", "tag": "all"}
    assert config(root, "plain") == {**shared, "task": "plain", "tag": "all"}
    assert tags(root) == {"a": {"all", "own"}, "b": {"all"}, "plain": {"all"}}
    assert index_of(root)["a"].dataset == "d x"


def test_the_index_and_the_config_know_a_task_at_the_top_too(write: Write) -> None:
    root = write({"f.yaml": "task: top\ndataset_path: d\ntask_list:\n- {task: row, dataset_path: e}"})
    assert config(root, "top") == {"task": "top", "dataset_path": "d"}
    assert config(root, "row") == {"task": "row", "dataset_path": "e"}


def test_a_row_with_group_is_a_group_and_gets_only_keys_of_groups(write: Write) -> None:
    root = write({"f.yaml": SHARED + "    task_list:\n      - {group: g, task: [a, all]}\n      - a\n"})
    assert config(root, "g") == {
        "group": "g",
        "task": ["a", "all"],
        "aggregate_metric_list": [{"metric": "acc"}],
        "metadata": {"version": 2},
    }
    assert index_of(root)["g"].kind is Kind.GROUP


def test_rows_are_not_inherited_nor_is_the_name_of_an_included_task(write: Write) -> None:
    root = write(
        {
            "f.yaml": "dataset_path: d\ntask_list: [a, b]",
            "g.yaml": "include: f.yaml\ntask: c",
            "single.yaml": "task: single\ndataset_path: s",
            "h.yaml": "include: single.yaml\ntask_list: [d]",
        }
    )
    assert set(index_of(root)) == {"a", "b", "c", "single", "d"}
    assert config(root, "c") == {"task": "c", "dataset_path": "d"}
    assert config(root, "d") == {"task": "d", "dataset_path": "s"}
    assert index_of(root)["single"].file == str(root / "single.yaml")


@pytest.mark.parametrize(
    "each",
    [
        "{lang: [de, no], title: [German, Norwegian]}",
        "[{lang: de, title: German}, {lang: no, title: Norwegian}]",
        "[[{lang: de, title: German}, {lang: no, title: Norwegian}]]",
        "languages.tsv",
        "[tables/../languages.tsv]",
    ],
)
def test_each_makes_a_task_of_every_row_of_a_table(write: Write, each: str) -> None:
    root = write(
        {
            "languages.tsv": "lang\ttitle\nde\tGerman\nno\tNorwegian\n",
            "f.yaml": f"""\
                doc_to_text: ${{lang}} stays
                task_list:
                  - task: t_${{lang}}
                    tag: ["${{lang}}_tasks", all]
                    description: About ${{title}} (${{lang}}), $5 {{{{lang}}}}.
                    process_docs: !function utils.of_${{lang}}
                    fewshot_config: {{split: "${{lang}}", samples: [{{q: "${{lang}}"}}]}}
                    metadata: {{languages: ["${{lang}}"]}}
                    each: {each}
            """,
            "utils.py": "def __getattr__(name):\n    return name",
        }
    )
    assert set(index_of(root)) == {"t_de", "t_no", "de_tasks", "no_tasks", "all"}
    found = load_yaml(root / "f.yaml", name="t_no")
    assert found == {
        "task": "t_no",
        "doc_to_text": "${lang} stays",
        "tag": ["no_tasks", "all"],
        "description": "About Norwegian (no), $5 {{lang}}.",
        "process_docs": "of_no",
        "fewshot_config": {"split": "no", "samples": [{"q": "${lang}"}]},
        "metadata": {"languages": ["no"]},
    }


def test_written_out_samples_stay_but_their_function_is_replaced(write: Write) -> None:
    text = """\
        task_list:
          - task: t_${n}
            fewshot_config: {samples: !function "shots.of_${n}"}
            each: {n: [a]}
    """
    root = write({"f.yaml": text, "shots.py": "of_a = [{'q': 1}]"})
    assert load_yaml(root / "f.yaml", name="t_a")["fewshot_config"] == {"samples": [{"q": 1}]}


def test_a_cell_alone_keeps_its_type_and_numbers_stay_as_they_are_written(write: Write) -> None:
    text = """\
        task_list:
          - {task: "t_${n}", num_fewshot: "${n}", dataset_name: "${code}", each: {n: [0, 25], code: [010, off]}}
    """
    root = write({"f.yaml": text})
    assert config(root, "t_25") == {"task": "t_25", "num_fewshot": 25, "dataset_name": "off"}
    assert config(root, "t_0") == {"task": "t_0", "num_fewshot": 0, "dataset_name": "010"}


def test_several_tables_make_a_product(write: Write) -> None:
    text = 'task_list: [{task: "${x}_${y}_${z}", each: [{x: [a, b]}, t.tsv, {z: c}, {z: d}]}]'
    root = write({"f.yaml": text, "t.tsv": "y\n1\n2\n"})
    names = [f"{x}_{y}_{z}" for x in "ab" for y in "12" for z in "cd"]
    assert [entry.name for entry in entries_in_file(root / "f.yaml")] == names


RAGGED = """\
    task_list:
      - {task: "${lang}_${subject}", description: "${title}", each: [languages.tsv, subjects.tsv]}
      - group: ${lang}
        task: [{task: "${lang}_${subject}", each: subjects.tsv}, {task: "${lang}_all", each: {lang: [de, fr]}}]
        each: [languages.tsv, {year: [2012]}, {year: 2012}, {year: 2013}]
"""
LANGUAGES = "lang\ttitle\nde\tGerman\nfr\tFrench\n"


def test_tables_with_a_column_in_common_are_joined(write: Write) -> None:
    subjects = "subject\tlang\nlaw\tde\nart\tde\nlaw\tfr\nlaw\tit\n"
    root = write({"f.yaml": RAGGED, "languages.tsv": LANGUAGES, "subjects.tsv": subjects})
    assert [entry.name for entry in entries_in_file(root / "f.yaml")] == ["de_law", "de_art", "fr_law", "de", "fr"]
    assert config(root, "fr_law")["description"] == "French"
    assert config(root, "de")["task"] == ["de_law", "de_art", "de_all"]
    assert config(root, "fr")["task"] == ["fr_law", "fr_all"]


def test_a_member_without_a_row_for_its_group_is_told(write: Write) -> None:
    root = write({"f.yaml": RAGGED, "languages.tsv": LANGUAGES, "subjects.tsv": "subject\tlang\nlaw\tde\n"})
    assert [str(problem) for problem in scan(root).problems] == [
        f"{root}/f.yaml:4 [each]: no row of a member's tables agrees with the row of its group"
    ]


def test_members_of_a_group_may_have_each(write: Write) -> None:
    root = write(
        {
            "sub/f.yaml": """\
                group: g
                task:
                  - first
                  - {task: "${x}", each: ../t.tsv}
                  - {task: "${x}", num_fewshot: 3, each: {x: [c]}}
                  - {group: "in_${x}", task: [{task: "${x}${y}", each: {y: [1, 2]}}], each: {x: [a]}}
                ---
                task_list:
                  - group: "g_${x}"
                    task: ["${x}", {task: "${x}_${y}", each: {y: [1, 2]}}]
                    each: ../t.tsv
            """,
            "t.tsv": "x\na\nb",
        }
    )
    assert config(root, "g")["task"] == [
        "first",
        "a",
        "b",
        {"task": "c", "num_fewshot": 3},
        {"group": "in_a", "task": ["a1", "a2"]},
    ]
    assert config(root, "g_b")["task"] == ["b", "b_1", "b_2"]
    assert list(index_of(root)["g_a"].member_names()) == ["a", "a_1", "a_2"]


def test_documents_have_their_own_includes_and_keys(write: Write) -> None:
    root = write(
        {
            "one": "a: 1",
            "two": "b: 2",
            "f.yaml": """\
                include: one
                task_list: [x]
                ---
                include: [one, two]
                task: y
                ---
                # nothing here
                ---
                group: g
                task: [x, y]
                ---
            """,
        }
    )
    assert config(root, "x") == {"task": "x", "a": 1}
    assert config(root, "y") == {"task": "y", "a": 1, "b": 2}
    assert config(root, "g") == {"group": "g", "task": ["x", "y"]}
    assert {name: entry.line for name, entry in index_of(root).items()} == {"x": 2, "y": 5, "g": 9}


def test_an_include_may_name_a_row(write: Write) -> None:
    root = write(
        {
            "f.yaml": SHARED + '    task_list: [{task: "t_${n}", dataset_name: "${n}", each: n.tsv}]\n',
            "n.tsv": "n\na\nb\n",
            "user/g.yaml": "include: ../f.yaml#t_b\ntask: mine\nnum_fewshot: 5",
            "user/h.yaml": "include: ../f.yaml#t_b\ntask_list: [{task: more, tag: own}]",
        }
    )
    own = {"dataset_path": "d", "dataset_name": "b", "doc_to_text": "{{q}}", "metadata": {"version": 2}}
    assert config(root, "mine") == {**own, "task": "mine", "num_fewshot": 5, "tag": "all"}
    assert config(root, "more") == {**own, "task": "more", "tag": ["all", "own"]}
    assert index_of(root)["mine"].dataset == "d b"
    write({"user/g.yaml": "include: ../f.yaml#t_c\ntask: mine"})
    with pytest.raises(TaskFileError, match=r"g\.yaml.*f\.yaml does not define 't_c'"):
        load_yaml(root / "user/g.yaml")


def test_a_function_of_a_row_and_of_an_include_is_next_to_its_file(write: Write) -> None:
    root = write(
        {
            "shared/base": "a: !function utils.where",
            "shared/utils.py": "where = 'shared'",
            "f/f.yaml": "include: ../shared/base\ntask_list: [{task: t, b: !function utils.where}]",
            "f/utils.py": "where = 'row'",
        }
    )
    assert load_yaml(root / "f/f.yaml", name="t") == {"task": "t", "a": "shared", "b": "row"}


def test_a_row_is_the_same_task_as_a_file_with_its_keys(write: Write) -> None:
    row = '- {task: "r", dataset_name: x, num_fewshot: 2}'
    root = write(
        {
            "base": BASE,
            "f.yaml": f"include: base\ntag: t\ntask_list:\n{row}",
            "p.yaml": "include: base\ntag: t\ntask: p\ndataset_name: x\nnum_fewshot: 2",
        }
    )
    loaded = TaskManager(include_path=root, include_defaults=False).load(["r", "p"])["tasks"]
    one, other = (dict(loaded[name].dump_config()) for name in "rp")
    assert one.pop("metadata") == {"version": 1.0, "config_source": f"{root}/f.yaml#r"}
    assert other.pop("metadata") == {"version": 1.0, "config_source": f"{root}/p.yaml"}
    assert (one.pop("task"), other.pop("task")) == ("r", "p")
    assert one == other


def test_origins_of_a_row_name_its_lines(write: Write) -> None:
    root = write({"f.yaml": "a: 1\nb: 1\ntask_list:\n- task: t\n  b: 2\n"})
    origins = load_file(root / "f.yaml", "t").origins
    assert {key: origin.line for key, origin in origins.items()} == {"a": 1, "task": 4, "b": 5}


FAULTS = {
    "column": ('- {task: "t_${x}", a: "${lnag}", each: {x: [1], lang: [2]}}', r"f\.yaml:4: .*'lnag'.*'lang'"),
    "column in name": ('- {task: "t_${y}", each: {x: [1]}}', r"f\.yaml:4: .*'y'.*columns are x"),
    "name of a column": ("- {task: t, each: {x-y: [1]}}", r"f\.yaml:4 \[each\]: .*letters.*'x-y'"),
    "lengths": ("- {task: t, each: {x: [1, 2], y: [1]}}", r"'y' has 1 cells, the first one has 2"),
    "no file": ("- {task: t, each: gone.tsv}", r"f\.yaml:4 \[each\]: the table .*gone\.tsv cannot be read"),
    "ragged": ("- {task: t, each: bad.tsv}", r"bad\.tsv:3: has 1 cells, the first line has 2"),
    "nothing in common": ("- {task: t, each: [{x: [1]}, {x: [2]}]}", r"no rows of the tables have the same x"),
    "other columns": ("- {task: t, each: [{x: 1}, {y: 2}]}", r"columns y, the first one has x"),
    "empty": ("- {task: t, each: []}", r"no rows"),
    "shape of a table": ("- {task: t, each: [[1]]}", r"a table is a TSV file"),
    "cell": ("- {task: t, each: {x: [[1]]}}", r"a cell is a text or a number"),
    "too many": (f"- {{task: t, each: [{{x: {[1] * 101}}}, {{y: {[1] * 100}}}]}}", r"10,100 rows.*at most 10,000"),
    "no table": ("- {task: t, each: }", r"f\.yaml:4 \[each\]: needs a table"),
    "empty file": ("- {task: t, each: empty.tsv}", r"empty\.tsv: the table is empty"),
    "column without a table": ('- {task: "t_${x}"}', r"f\.yaml:4 \[task\]: .*no table \(each\)"),
    "open column": ('- {task: "t_${x", each: {x: [1]}}', r"f\.yaml:4 \[task\]: .*written \$\{column\}"),
    "a boolean": ("- {task: no}", r"f\.yaml:4 \[task\]: .*got False; write it in quotes"),
    "no name": ("- {dataset_path: d}", r"f\.yaml:4: .*needs task or group"),
    "name": ("- {task: [a]}", r"f\.yaml:4 \[task\]: .*\['a'\]"),
    "row": ("- [a]", r"f\.yaml:4 \[task_list\]: .*a row is a name or a mapping"),
    "include": ("- {task: t, include: x}", r"f\.yaml:4 \[include\]: .*top of a document"),
    "twice": ("- {task: a}", r"f\.yaml:4 \[task\]: 'a' is defined twice in this file, first in line 3"),
}


@pytest.mark.parametrize(("row", "said"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_row_is_told_and_the_others_stand(
    write: Write, row: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    root = write(
        {
            "f.yaml": f"x: 1\ntask_list:\n- {{task: a}}\n{row}\n- {{task: z}}",
            "bad.tsv": "x\ty\n1\t2\n3\n",
            "empty.tsv": "",
        }
    )
    age(root)
    for _ in range(2):
        scanned = scan(root)
        if scanned.problems:
            assert {entry.name for entry in scanned.entries} == {"a", "z"}
    with pytest.raises(TaskFileError, match=said):
        for problem in row_problems(root / "f.yaml"):
            raise problem
        for entry in entries_in_file(root / "f.yaml"):
            keys_of(entry)


def test_each_outside_a_row_is_told(write: Write) -> None:
    root = write({"f.yaml": "task: a\neach: x.tsv\ndataset_path: d"})
    with pytest.raises(TaskFileError, match=r"f\.yaml:2 \[each\]: 'a': each belongs to a row of task_list"):
        TaskManager(include_path=root, include_defaults=False).load("a")


def test_a_task_list_that_is_no_list_is_told(write: Write) -> None:
    root = write({"f.yaml": "task: a\ntask_list: b"})
    assert [str(problem) for problem in scan(root).problems] == [
        f"{root}/f.yaml:2 [task_list]: task_list is a list of rows, got 'b'"
    ]


def test_the_index_cache_keeps_rows_and_notices_changes_of_tables(write: Write, index_cache: Path) -> None:
    text = 'include: base\ntask_list: [{task: "t_${n}", tag: "${n}", each: n.tsv}, {group: g, task: [t_a]}]'
    root = write({"f.yaml": text, "base": "dataset_path: d", "n.tsv": "n\na\nb\n"})
    age(root)
    first = scan(root)
    kept = json.loads(next(index_cache.iterdir()).read_text())
    assert [entry[1] for entry in kept["files"]["f.yaml"][3]] == ["t_a", "t_b", "g"]
    assert set(kept["includes"]) == {str(root / "base"), str(root / "n.tsv")}
    assert scan(root) == first
    assert [(entry.line, entry.row, entry.source) for entry in first.entries][:1] == [(2, "t_a", f"{root}/f.yaml#t_a")]
    write({"n.tsv": "n\na\nccc\n"})
    assert {entry.name for entry in scan(root).entries} == {"t_a", "t_ccc", "g"}
    assert config(root, "t_ccc")["tag"] == "ccc"


def test_rows_are_listed_without_an_include_that_is_missing(write: Write) -> None:
    root = write({"f.yaml": "include: gone\ntask_list: [a, b]"})
    assert set(index_of(root)) == {"a", "b"}


def test_a_later_root_overrides_a_row_by_its_name(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    root = write({"one/f.yaml": "x: 1\ntag: t\ntask_list: [a, b]", "two/a.yaml": "task: a\nx: 2"})
    with caplog.at_level(logging.WARNING, "lm_eval"):
        index = TaskIndex.build([root / "one", root / "two"])
    assert (index["a"].cfg, index["b"].cfg) == ({"task": "a", "x": 2}, {"task": "b", "x": 1, "tag": "t"})
    assert index["t"].tags == {"b"}
    assert "1 names" in caplog.text and "override earlier ones: a" in caplog.text


def test_names_of_rows_are_found_in_a_product_without_reading_it_again(write: Write) -> None:
    cells = [f"n{number}" for number in range(100)]
    text = dedent("""\
        task_list:
          - {task: "${x}_${y}", a: "${x}", b: "${y}", each: [x.tsv, y.tsv]}
    """)
    root = write({"f.yaml": text, "x.tsv": "\n".join(["x", *cells]), "y.tsv": "\n".join(["y", *cells])})
    index = index_of(root)
    assert len(index) == 10_000
    assert [index[name].cfg for name in ("n0_n0", "n99_n98")] == [
        {"task": "n0_n0", "a": "n0", "b": "n0"},
        {"task": "n99_n98", "a": "n99", "b": "n98"},
    ]


def test_a_path_of_a_file_selects_all_of_its_tasks_and_groups(write: Write) -> None:
    text = f"""\
{BASE}
tag: mine
task_list: [a, b, {{task: alone, tag: other}}]
---
group: g
task: [a, b]
---
group: by_tag
task: [other]
"""
    root = write({"sub/f.yaml": text})
    loaded = TaskManager(include_defaults=False).load(str(root / "sub/f.yaml"))
    assert loaded["group_map"] == {"g": ["a", "b"], "by_tag": ["alone"]}
    assert set(loaded["tasks"]) == {"a", "b", "alone"}


def test_errors_of_a_task_name_the_line_of_its_row(write: Write) -> None:
    text = f"""\
{BASE}
task_list:
  - a
  - {{task: wrong, num_fewshot: many}}
  - {{task: unknown, num_fewshots: 3}}
---
group: g
task: [nobody]
"""
    root = write({"f.yaml": text})
    manager = TaskManager(include_path=root, include_defaults=False)
    line = text.splitlines().index("  - a") + 1
    for name, said in [
        ("wrong", rf"f\.yaml:{line + 1}: .*num_fewshot"),
        ("unknown", rf"f\.yaml:{line + 2} \[num_fewshots\].*Did you mean 'num_fewshot'"),
        ("g", rf"f\.yaml:{line + 4} \[task\]: group 'g'.*nobody"),
    ]:
        with pytest.raises(TaskFileError, match=said):
            manager.load(name)
        (problem,) = validate(manager, [name])
        assert problem.name == name and f"f.yaml:{line}"[:-1] in problem.reason
    manager.load("a")


def test_a_faulty_row_of_a_file_is_named_by_validate(write: Write) -> None:
    root = write({"f.yaml": f"{BASE}task_list: [a, a]"})
    problems = validate(TaskManager(include_defaults=False), [str(root / "f.yaml")])
    assert [problem.reason.partition(": ")[2] for problem in problems] == [
        "'a' is defined twice in this file, first in line 9"
    ]


@pytest.mark.parametrize(
    ("included", "row"),
    [
        ("lib/default/anatomy.yaml", "lib/default.yaml#mmlu_anatomy"),
        ("lib/other/anatomy.yaml", "lib/other.yaml#mmlu_anatomy_other"),
        ("lib/mmlu_anatomy_other.yaml", "lib/other.yaml#mmlu_anatomy_other"),
        ("lib/far/away/anatomy.yaml", "lib/default.yaml#mmlu_anatomy"),
    ],
)
def test_an_include_of_a_file_that_became_a_row_says_which(write: Write, included: str, row: str) -> None:
    root = write(
        {
            "lib/default.yaml": "include: gone\ntask_list: [{task: 'mmlu_${x}', each: {x: [anatomy, law]}}]",
            "lib/other.yaml": "task_list: [mmlu_anatomy_other]",
            "mine.yaml": f"include: {included}\ntask: mine",
        }
    )
    with pytest.raises(TaskFileError) as caught:
        load_yaml(root / "mine.yaml")
    assert str(caught.value).endswith(f"; {Path(included).stem!r} is a row of a file: include {root}/{row}")
    write({"mine.yaml": "include: lib/virology.yaml\ntask: mine"})
    with pytest.raises(TaskFileError, match=r"does not exist$"):
        load_yaml(root / "mine.yaml")


def test_a_file_has_at_most_ten_thousand_names(write: Write) -> None:
    digits = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    many = f"{{a: {digits}}}, {{b: {digits}}}, {{c: {digits}}}, {{d: [0, 1, 2, 3, 4, 5, 6, 7, 8]}}"
    text = f"task_list: [{{task: '${{a}}${{b}}${{c}}${{d}}', each: [{many}]}}]\n"
    root = write({"f.yaml": f"{text}---\n{text.replace('${a}', 'x${a}')}"})
    scanned = scan(root)
    assert len(scanned.entries) == 10_000
    assert [problem.line for problem in scanned.problems] == [3]
    assert "more than 10,000 names" in str(scanned.problems[0])


def test_a_list_shows_the_line_of_a_row(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write({"fam/f.yaml": "x: 1\ntask_list:\n- a\n- b", "fam/p.yaml": "task: p"})
    assert main(["ls", "tasks", "--family", "fam", "--long", "--include_path", str(root)]) == 0
    shown = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert (shown["a"], shown["b"]) == (f"{root.name}/fam/f.yaml:3", f"{root.name}/fam/f.yaml:4")
    assert shown["p"] == f"{root.name}/fam/p.yaml"


def test_show_prints_the_merged_row_with_its_groups(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{BASE}task_list:\n- {{task: 't_${{x}}', dataset_name: '${{x}}', each: {{x: [a, b]}}}}\n"
    root = write({"f.yaml": f"{text}---\ngroup: g\ntask: [{{task: 't_${{x}}', each: {{x: [a, b]}}}}]"})
    assert main(["show", "t_b", "--no_prompt", "--include_path", str(root)]) == 0
    page = capsys.readouterr().out.splitlines()
    assert f"# file: {root}/f.yaml:10" in page
    assert "# groups: g" in page
    assert {"task: t_b", "dataset_name: b", "dataset_path: json"} <= set(page)
    assert not any("each" in line or "${" in line for line in page)


def test_a_row_is_selected_by_its_file_and_name(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    root = write({"f.yaml": f"{BASE}task_list: [a, b]\n---\ngroup: g\ntask: [a]", "h#b.yaml": f"task: h\n{BASE}"})
    manager = TaskManager(include_defaults=False)
    assert list(manager.load(f"{root}/f.yaml#b")["tasks"]) == ["b"]
    assert manager.load(f"{root}/f.yaml#g")["group_map"] == {"g": ["a"]}
    assert list(manager.load(f"{root}/h#b.yaml")["tasks"]) == ["h"]
    assert main(["show", f"{root}/f.yaml#b", "--no_prompt"]) == 0
    assert "task: b" in capsys.readouterr().out.splitlines()
    with pytest.raises(UserError, match=r"f\.yaml#c"):
        manager.load(f"{root}/f.yaml#c")
