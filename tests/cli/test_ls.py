from __future__ import annotations

import json
from pathlib import Path

import pytest

from lm_eval.cli import ls, main
from lm_eval.cli._settings import add_setting
from lm_eval.cli.parser import Parser
from tests.fakes import write_tasks

ARABIC = [f"belebele_{code}" for code in ("acm_Arab", "apc_Arab", "arb_Arab", "arb_Latn", "ars_Arab", "ary_Arab")]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_tasks(tmp_path, **{"a_rather_long_name_of_a_task_" + "x" * 30: "doc_to_text: q\n"}))


def out(folder: str, captured: Captured, *words: str) -> list[str]:
    assert main(["ls", *words, "--include_path", folder]) == 0
    return captured.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["rolling", "choice", "--family", "test_*"], ["choice", "rolling"]),
        (["subtasks", "gen*e", "--family", "test_*"], ["generate"]),
        (["--output_type", "loglikelihood_rolling", "--family", "test_*"], ["rolling"]),
    ],
)
def test_names_that_fit_are_printed(words: list[str], found: list[str], folder: str, capsys: Captured) -> None:
    assert out(folder, capsys, *words) == found


def test_the_table_has_titles_and_fits(folder: str, capsys: Captured) -> None:
    lines = out(folder, capsys, "--family", "test_*", "--long")
    assert lines[0].split() == ["name", "kind", "output", "type", "dataset", "file"]
    assert max(map(len, lines)) <= 100


def test_built_in_tables_fit_100_columns(capsys: Captured) -> None:
    main(["ls", "--long"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_json_holds_all(folder: str, capsys: Captured) -> None:
    main(["ls", "gsm8k_cot", "--json"])
    items = json.loads(capsys.readouterr().out)
    assert items[0]["output_type"] == "generate_until"
    assert items[0]["source"] == "gsm8k/gsm8k_cot.yaml"


def test_json_states_languages_and_skills(capsys: Captured) -> None:
    main(["ls", "xcopa_et", "--json"])
    item = json.loads(capsys.readouterr().out)[0]
    assert (item["languages"], item["skills"]) == (["est"], ["commonsense"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["tasks", "--language", "kor", "--skill", "reading"], ["belebele_kor_Hang"]),
        (["tasks", "--family", "belebele", "--language", "Zulu"], ["belebele_zul_Latn"]),
        (["tasks", "belebele_a*", "--family", "belebele", "--language", "ara"], [*ARABIC, "belebele_arz_Arab"]),
        (
            ["tasks", "--family", "lambada", "--language", "nl", "--type", "loglikelihood"],
            ["lambada_openai_mt_stablelm_nl"],
        ),
        (["families", "mgsm", "xcopa"], ["mgsm", "xcopa"]),
        (["families", "x", "--language", "eus", "--skill", "commonsense"], ["xstorycloze"]),
    ],
)
def test_names_are_found_by_language_and_skill(words: list[str], found: list[str], capsys: Captured) -> None:
    assert main(["ls", *words]) == 0
    names = capsys.readouterr().out.splitlines()
    # Other families may have a skill, or a name that is longer.
    assert names == found if "--family" in words else set(found) <= set(names)


def test_families_have_a_table(capsys: Captured) -> None:
    assert main(["ls", "families", "xcopa", "--long"]) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title.split() == ["family", "tasks", "languages", "skills", "title"]
    assert ["xcopa", "11", "11", "languages", "commonsense", "XCOPA"] in [row.split() for row in rows]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--language", "klingon"], "Unknown language 'klingon'"), (["--skill", "maths"], "Did you mean 'math'")],
)
def test_an_unknown_language_or_skill_is_a_mistake(words: list[str], said: str, capsys: Captured) -> None:
    assert main(["ls", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_count_goes_to_stderr(capsys: Captured) -> None:
    main(["ls", "groups", "mmlu"])
    captured = capsys.readouterr()
    assert captured.err == f"{len(captured.out.splitlines())} groups\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gsm9k"], "lm_eval: no tasks match 'gsm9k'. Did you mean 'gsm8k'?\n"),
        (["groups", "--output_type", "generate_until"], "lm_eval: no groups --output_type generate_until.\n"),
    ],
)
def test_no_match_prints_one_line_and_exits_with_1(words: list[str], said: str, capsys: Captured) -> None:
    assert main(["ls", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(said[:-2])
    assert captured.err.count("\n") == 1


def test_an_unknown_family_is_a_mistake(capsys: Captured) -> None:
    assert main(["ls", "--family", "gleu"]) == 2
    assert "Did you mean 'glue'" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["tasks", "groups", "subtasks", "tags"])
def test_all_names_are_those_that_a_pattern_for_all_selects(folder: str, capsys: Captured, kind: str) -> None:
    assert out(folder, capsys, kind) == out(folder, capsys, kind, "*")


def test_the_option_for_more_folders_is_that_of_a_run() -> None:
    here, there = Parser("ls"), Parser("run")
    ls.add_arguments(here)
    add_setting(there, "include_path")
    found, declared = (next(a for a in parser.actions if a.dest == "include_path") for parser in (here, there))
    assert vars(found) | {"container": None} == vars(declared) | {"container": None}


def test_a_folder_that_is_missing_is_named(capsys: Captured) -> None:
    assert main(["ls", "--include_path", "no/such/folder"]) == 2
    assert "there is no folder 'no/such/folder'" in capsys.readouterr().err
