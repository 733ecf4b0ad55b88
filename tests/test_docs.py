from __future__ import annotations

import pkgutil
import re
import runpy
from dataclasses import fields
from pathlib import Path

import pytest

from lm_eval.config.run import RunSettings
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.openai_completions import LocalCompletionsAPI

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


def _names_kept() -> list[str]:
    """List the names of the table of names for code written for the reference harness, with their modules."""
    page = (ROOT / "docs" / "moving.md").read_text(encoding="utf-8")
    table = page.partition("## Names for code")[2].partition("\n## ")[0]
    found = []
    for row in re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE):
        names = [name for name in re.findall(r"`([A-Za-z_.]+)`", row) if name != "lm_eval"]
        home = names[0] if "(" in row else names[0].rpartition(".")[0] if names else ""
        found += [name if "." in name or not home else f"{home}.{name}" for name in names]
    return found


@pytest.mark.parametrize("name", [name for name in _names_kept() if name.startswith("lm_eval.")])
def test_names_that_are_kept_can_be_imported(name: str) -> None:
    pkgutil.resolve_name(name)


def test_attributes_that_are_kept_exist() -> None:
    lm = LocalCompletionsAPI(model="m", base_url="http://h", max_length=9)
    names = [name.removeprefix("TemplateAPI.") for name in _names_kept() if not name.startswith(("lm_eval.", "LMEVAL"))]
    assert len(names) > 20
    assert [name for name in names if not hasattr(lm, name)] == []
