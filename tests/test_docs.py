from __future__ import annotations

import re
import runpy
from dataclasses import fields
from pathlib import Path

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.models.arguments import ModelArguments

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "examples" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_targets(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["command_line.md", "python_api.md"])
def test_the_tables_of_options_are_those_of_the_settings(page: str) -> None:
    script = runpy.run_path(str(ROOT / "docs" / "option_tables.py"))
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == script["written"](page)


@pytest.mark.parametrize("name", RunSettings.arguments())
def test_every_argument_of_the_evaluator_is_documented_in_its_own_words(name: str) -> None:
    rows = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8").splitlines()
    row = next((row for row in rows if row.startswith(f"| `{RunSettings.arguments()[name][0]}`")), "")
    assert row.endswith(f" | {RunSettings.texts()[name]} |")


@pytest.mark.parametrize("name", RunSettings.command_line())
def test_every_option_is_documented_in_its_own_words(name: str) -> None:
    rows = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8").splitlines()
    row = next((row for row in rows if row.startswith(f"| `--{name}`")), "")
    assert row.endswith(f" | {RunSettings.texts()[name]} |")


def test_every_model_argument_is_documented() -> None:
    page = (ROOT / "docs" / "model_arguments.md").read_text(encoding="utf-8")
    assert [item.name for item in fields(ModelArguments) if f"| `{item.name}` |" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_the_package_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`(lm_eval/[a-z0-9_/]+(?:\.py)?/?)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
