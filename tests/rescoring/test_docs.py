"""The code in the docs about results runs, on a folder ``out`` with a run of a task named gsm8k."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rescoring.conftest import Save

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = [
    (page, code)
    for page in ("results.md", "rescore.md")
    for code in re.findall(
        r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize(("page", "code"), BLOCKS, ids=[f"{page}-{number}" for number, (page, _) in enumerate(BLOCKS)])
def test_the_code_of_a_page_runs(
    page: str, code: str, tasks: Path, save: Save, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tasks / "gsm8k.yaml"
    file.write_text((tasks / "filtered.yaml").read_text().replace("task: filtered", "task: gsm8k"))
    save(["gsm8k"])
    file.write_text(file.read_text().replace(r"is (\d+)!", r"(\d+)"))
    monkeypatch.chdir(tasks.parent)
    exec(compile(code.replace('tasks="gsm8k")', 'tasks="gsm8k", include_path="tasks")'), page, "exec"), {})
    assert "exact_match" in capsys.readouterr().out
