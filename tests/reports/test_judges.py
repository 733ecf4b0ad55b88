"""The lines about judges below a table."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval.reports.judges import judge_lines
from lm_eval.reports.table import make_table
from lm_eval.results import Results

JUDGED = {"judges": ["big", "small"], "template": "task", "template_sha": "0123456789abcdef", "documents": 100}


def lines(**entry: Any) -> list[str]:
    run = Results({"judging": {"essays": {**JUDGED, **entry}}})
    return [f"{'! ' * line.warns}{line.text}" for line in judge_lines(run)]


def test_the_judges_and_the_template_are_named() -> None:
    assert lines() == ["essays: judged by big, small, template 01234567, 100 of 100 documents."]


def test_a_template_from_a_file_is_named() -> None:
    assert lines(template="own.txt") == [
        "essays: judged by big, small, template of own.txt 01234567, 100 of 100 documents."
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"unjudged": 3, "unreadable": 2, "failed": 1, "bounds": [0.6, 0.63]},
            "! essays: 3 of 100 documents unjudged (2 unreadable verdicts, 1 lost request); with them the score would"
            " be between 0.6000 and 0.6300.",
        ),
        ({"stopped": {"big": "big was given up."}}, "! essays: big was given up."),
        (
            {"agreement": {"judges": {"alpha": 0.8125, "same": 0.9, "n": 100}, "repeats": {"same": 1.0, "n": 9}}},
            "essays: judges agree on 90.0% of verdicts (Krippendorff's alpha 0.812); repeats agree on 100.0% of"
            " verdicts.",
        ),
        (
            {"pairs": 100, "flips": 20, "first_rate": 0.6, "first_rate_interval": [0.55, 0.65]},
            "! essays: 20 of 100 pairs flipped with the order of the answers, and count as ties; the answer shown first"
            " was preferred in 60.0% [55.0%, 65.0%].",
        ),
        (
            {"pairs": 1, "flips": 0, "first_rate": 0.5},
            "essays: 0 of 1 pair flipped with the order of the answers, and count as ties; the answer shown first was"
            " preferred in 50.0%.",
        ),
        (
            {"stderr_judge": 0.01, "stderr_documents": 0.04},
            "essays: of the standard error, 0.0100 comes from differences between verdicts, 0.0400 from the documents"
            " (their squares add up).",
        ),
    ],
)
def test_what_a_score_does_not_show(entry: dict[str, Any], expected: str) -> None:
    assert lines(**entry)[1:] == [expected]


def test_settled_documents_are_counted() -> None:
    assert lines(settled=1, only_if="exact_match < 1")[0].endswith("1 document settled by exact_match < 1.")


@pytest.mark.parametrize("entry", [None, [], {"judges": None, "bounds": "x", "agreement": 3, "pairs": "many"}])
def test_a_damaged_entry_is_no_error(entry: Any) -> None:
    assert [line.text for line in judge_lines(Results({"judging": {"essays": entry}}))] == ["essays: judged by nobody."]


def test_the_lines_stand_below_the_table() -> None:
    results = {"results": {"essays": {"judge_score,none": 0.5}}, "judging": {"essays": JUDGED}}
    assert "\nessays: judged by big, small, template 01234567, 100 of 100 documents." in make_table(results)


def test_tasks_share_a_line_where_the_same_is_to_be_said() -> None:
    other = {**JUDGED, "judges": ["big"]}
    run = Results({"judging": {"a": JUDGED, "b": other, "c": JUDGED}})
    assert [line.text for line in judge_lines(run)] == [
        "a, c: judged by big, small, template 01234567, 100 of 100 documents.",
        "b: judged by big, template 01234567, 100 of 100 documents.",
    ]
