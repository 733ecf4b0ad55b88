"""Any task on any endpoint: every cell of the table in docs/formats.md is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.resolve import select
from tests.e2e.conftest import ROOT, TASKS, Command, run_words

COLUMNS = {
    "multiple choice": "demo_choices",
    "perplexity": "demo_prose",
    "generation": "demo_numbers",
    "`@mcqa`": "demo_choices@mcqa",
    "`@cloze`": "demo_choices@cloze",
    "`@generate`": "demo_choices@generate",
    "`@cot`": "demo_choices@cot",
    "`@generate+constrained`": "demo_choices@generate+constrained",
}
MODELS = {"completions": "local-completions", "chat": "local-chat-completions"}


def how_asked(profile: str, path: str, task: str) -> str:
    """Run a task on a server, and say how it was asked."""
    with MockServer(profile=profile) as server:
        arguments = {"model": "mock", "base_url": server.base_url}
        options: dict[str, Any] = {"include_path": TASKS, "limit": 2, "progress": False, "bootstrap_iters": 0}
        try:
            results = simple_evaluate(
                MODELS[path], arguments, [task], apply_chat_template=path == "chat", log_samples=False, **options
            )
        except CapabilityError as error:
            assert ("--tasks demo_choices@generate" in str(error)) == task.startswith("demo_choices")
            return "refused"
    assert list(results["results"]) == [task]
    found = results["config"]["model_info"]
    how = found.get("constrained_by") or found.get("scoring") or "text"
    return f"`{how}`" if how != "text" else how


def table() -> list[tuple[str, str, dict[str, str]]]:
    """Read the table: profile, path, and column to cell."""
    lines = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| endpoint |"))
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in _rows(lines[start:])]
    read = []
    for row in rows:
        profile, path = row[0].replace("`", "").split()
        read.append((profile, path, dict(zip(head[1:], row[1:], strict=True))))
    return read


def _rows(lines: list[str]) -> list[str]:
    end = next(number for number, line in enumerate([*lines, ""]) if not line.startswith("|"))
    return lines[:end]


@pytest.mark.parametrize(
    ("profile", "path", "cells"), table(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_cell_of_the_table(profile: str, path: str, cells: dict[str, str]) -> None:
    assert list(cells) == list(COLUMNS)
    assert {column: how_asked(profile, path, task) for column, task in COLUMNS.items()} == cells


def test_the_table_has_every_server(tmp_path: Path) -> None:
    assert {(profile, path) for profile, path, _ in table()} == {
        (profile, path)
        for profile in ("vllm", "sglang", "llamacpp", "llamacpp-python", "transformers", "tgi", "openai")
        for path in MODELS
    }


def families() -> list[tuple[str, str]]:
    """Read the table of families: the names of the first column, and the second column."""
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    lines = text[text.index("| family |") :].splitlines()
    cells = [line.strip("|").split("|") for line in _rows(lines)[2:]]
    return [(name, row[1].strip()) for row in cells for name in re.findall(r"`([a-z0-9_]+)`", row[0])]


def test_every_family_of_the_table_has_the_formats_that_it_says() -> None:
    manager = TaskManager()
    for name, question in families():
        asked = f"{name}@generate"
        if question.startswith("refused"):
            reason = question.removeprefix("refused: ")
            with pytest.raises(ConfigError) as caught:
                select([asked], manager.task_index, manager.unknown)
            assert reason.split(",")[0].replace("no question", "asks no question") in str(caught.value)
            continue
        nodes = [node for node in select([asked], manager.task_index, manager.unknown)]
        assert any(getattr(node, "format", None) == "generate" for node in nodes), name


def test_the_refusal_prints_a_command_that_runs(command: Command) -> None:
    with MockServer(profile="openai") as server:
        words = run_words(server.base_url, "--limit", "2", model="local-chat-completions")
        refused = command(*words, "--tasks", "demo_choices")
        assert refused.code == 2
        names = refused.err.rstrip().rpartition("--tasks ")[2]
        assert names == "demo_choices@generate"
        ran = command(*words, "--tasks", names)
    assert ran.code == 0, ran.err
    assert "|demo_choices@generate|" in ran.out
    assert "answers name no choice, which counts as wrong" in ran.out


def test_a_run_in_a_format_can_be_shown_and_scored_again(command: Command) -> None:
    with MockServer() as server:
        words = run_words(server.base_url, "--limit", "3", "--tasks", "demo_choices@generate", "--output_path", "out")
        assert command(*words, "--log_samples").code == 0
    again = command("rescore", "out", "--include_path", TASKS)
    assert again.code == 0, again.err
    assert "No score differs" in again.out
    shown = command("show", "demo_choices@generate", "--include_path", TASKS)
    assert "# demo_choices@generate: task, generate_until" in shown.out
    assert "choose the best answer" in shown.out
