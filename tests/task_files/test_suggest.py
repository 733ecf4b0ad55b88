"""What to ask where an endpoint gives no log-likelihoods."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lm_eval.task_files.manager import TaskManager
from lm_eval.task_files.suggest import selection_in_format
from tests.task_files.conftest import Write
from tests.task_files.test_formats import FILES


@pytest.mark.parametrize(
    ("items", "runnable", "written", "names"),
    [
        (["mc1"], [], "mc1@generate", {"mc1"}),
        (["g"], ["gen"], "g@generate", {"mc1", "mc2"}),
        (["mc1@mcqa", "gen"], ["gen"], "mc1@generate,gen", {"mc1"}),
        (["mc*"], [], "'mc*@generate'", {"mc1", "mc2"}),
        (["mc1", "bare"], [], "mc1@generate", {"mc1"}),
    ],
)
def test_selection(write: Write, items: Sequence[str], runnable: list[str], written: str, names: set[str]) -> None:
    manager = TaskManager(include_path=write(FILES), include_defaults=False)
    assert selection_in_format(manager, items, runnable) == (written, names)


@pytest.mark.parametrize("items", [["bare"], ["gen"], [{"task": "mc1"}]])
def test_nothing_to_suggest(write: Write, items: Sequence[object]) -> None:
    manager = TaskManager(include_path=write(FILES), include_defaults=False)
    assert selection_in_format(manager, items, ["gen"]) is None
