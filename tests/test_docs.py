from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from lm_eval.config.run import RunConfig, field_docs
from lm_eval.models.arguments import ModelArguments

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", [item.name for item in fields(RunConfig)])
def test_every_option_is_documented_in_its_own_words(name: str) -> None:
    rows = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8").splitlines()
    row = next((row for row in rows if row.startswith(f"| `--{name}`")), "")
    assert row.endswith(f" | {field_docs()[name]} |")


def test_every_model_argument_is_documented() -> None:
    page = (ROOT / "docs" / "model_arguments.md").read_text(encoding="utf-8")
    assert [item.name for item in fields(ModelArguments) if f"| `{item.name}` |" not in page] == []
