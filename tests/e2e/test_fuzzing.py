"""Spoiled answers never end a run, lose a document without an error, or change another document."""

from __future__ import annotations

from tests.e2e.fuzzing import fuzz


def test_spoiled_answers_change_no_other_document() -> None:
    figures = fuzz(answers=1500, seed=0, kinds=("run", "probe", "journal"))
    assert figures.faults == []
    assert figures.untouched > 100
    assert figures.same > 500
    assert figures.lost > 50
