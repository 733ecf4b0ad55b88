"""The lines below a table."""

from __future__ import annotations

import pytest

from lm_eval.reports.notes import notes_of
from lm_eval.results import Results


def lines(tasks: int, **row: object) -> list[str]:
    results = {
        f"t{number}": {"alias": f"t{number}", "sample_len": 10, "acc,none": 0.5, **row} for number in range(tasks)
    }
    return notes_of(list(Results({"results": results}).members.values()))


@pytest.mark.parametrize(
    ("row", "one", "together"),
    [
        (
            {"outcomes": {"length": 700, "empty": 2}},
            "! t7: of its answers, 2 empty, 700 cut at the token limit.",
            "! 9 tasks: of their answers, 18 empty, 6300 cut at the token limit.",
        ),
        (
            {"notes": ["1,000 of 2,000 answers name no choice, which counts as wrong"]},
            "! t7: 1,000 of 2,000 answers name no choice, which counts as wrong.",
            "! 9 tasks: 9,000 of 18,000 answers name no choice, which counts as wrong.",
        ),
        (
            {"notes": ["1 of 10 prompts show the document's own answer"]},
            "! t7: 1 of 10 prompts show the document's own answer.",
            "! 9 tasks: 9 of 90 prompts show the document's own answer.",
        ),
    ],
)
def test_more_than_eight_tasks_that_count_the_same_share_a_line(
    row: dict[str, object], one: str, together: str
) -> None:
    eight = lines(8, **row)
    assert (len(eight), eight[-1]) == (8, one)
    assert lines(9, **row) == [together]


def test_other_notes_stay_with_their_tasks() -> None:
    notes = lines(9, notes=["each document is asked 3 times"])
    assert len(notes) == 9
    assert notes[0] == "! t0: each document is asked 3 times."
