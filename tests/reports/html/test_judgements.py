"""Judgements in the report: the data of the page, and the page in a headless Chromium where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.reports.html import write_report
from lm_eval.reports.html.judgements import judged
from lm_eval.reports.html.records import FLAGS
from lm_eval.results import Sample, load
from tests.reports.html.chromium import Browser, find_chromium
from tests.reports.html.chromium import Page as Tab
from tests.reports.html.runs import generation, save
from tests.reports.html.test_browser import assert_calm, choose, text, texts
from tests.reports.html.test_samples import Page

CHROMIUM = find_chromium()


def verdict(juror: str, label: str | None, score: float | None, **keys: Any) -> dict[str, Any]:
    if label is None:
        return {"juror": juror, "repeat": 0, "status": "unreadable", "text": "Well …", "error": "No verdict.", **keys}
    return {"juror": juror, "repeat": 0, "status": "ok", "label": label, "score": score, "text": label, **keys}


def judgement(*verdicts: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"status": "judged", "score": 1.0, "label": "C", "verdicts": list(verdicts), **keys}


def sample(doc_id: int, judge: dict[str, Any], score: float = 1.0) -> dict[str, Any]:
    return generation(doc_id, f"answer {doc_id}", score, judge=judge)[0]


AGREED = judgement(verdict("big", "C", 1.0, reasoning="Since it is so."), verdict("small", "C", 1.0))
SPLIT = judgement(verdict("big", "C", 1.0), verdict("small", "I", 0.0), label="I", score=0.5)
UNJUDGED = {"status": "unjudged", "score": None, "reason": "No verdict.", "verdicts": [verdict("big", None, None)]}
RUBRIC = {
    "status": "judged",
    "score": 0.5,
    "criteria": [
        {"criterion": "Names Lima", "points": 2, "met": 1.0},
        {"criterion": "Is rude", "points": -1, "met": 1},
    ],
    "verdicts": [verdict("big", "yes", 1.0, criterion=0), verdict("big", "yes", 1.0, criterion=1)],
}
FLIPPED = {
    "status": "judged",
    "score": 0.5,
    "flips": 1,
    "pairs": 1,
    "verdicts": [verdict("big", "A", 1.0, first="answer"), verdict("big", "A", 0.0, first="baseline")],
}


@pytest.mark.parametrize(
    ("given", "differ"),
    [(AGREED, 0), (SPLIT, 2), (UNJUDGED, 0), (RUBRIC, 0), (FLIPPED, 1), ({"status": "settled", "score": 1.0}, 0)],
)
def test_how_far_verdicts_differ(given: dict[str, Any], differ: float) -> None:
    found = judged(Sample(sample(0, given)))
    assert found is not None and found.differ == differ


def test_a_document_without_a_judge_has_no_judgement() -> None:
    assert judged(Sample(generation(0, "3", 1.0)[0])) is None


@pytest.mark.parametrize("given", [{}, {"verdicts": [3, {"score": "x"}], "criteria": "none", "label": 7, "score": []}])
def test_a_damaged_judgement_is_shown_as_far_as_it_goes(given: dict[str, Any]) -> None:
    found = judged(Sample(sample(0, given)))
    assert found is not None and found.data["score"] is None


def test_labels_and_differences_are_columns_of_the_list() -> None:
    page = Page([sample(0, AGREED), sample(1, SPLIT), sample(2, UNJUDGED)])
    assert page.index["columns"]["label"] == ["C", "I", ""]
    assert page.index["columns"]["differ"] == [0, 2, 0]
    assert page.index["columns"]["flags"] == [0, FLAGS["differ"], FLAGS["unjudged"]]


def test_a_run_without_a_judge_has_no_such_columns() -> None:
    assert "label" not in Page(generation(0, "3", 1.0)).index["columns"]


@pytest.fixture(scope="module")
def page() -> Iterator[Tab]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found (LM_EVAL_CHROMIUM names one)")
    with Browser(CHROMIUM) as running:
        yield running.page()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    lines = [sample(0, AGREED), sample(1, SPLIT, 0.5), sample(2, UNJUDGED), sample(3, RUBRIC, 0.5), sample(4, FLIPPED)]
    entry = {"judges": ["big", "small"], "documents": 5, "unjudged": 1}
    run = load(save(folder, {"essays": lines}, judging={"essays": entry}))
    return write_report(run, folder / "report.html")


def opened(page: Tab, report: Path, doc: int) -> None:
    page.open(report, f"#sample/essays/{doc}/none")
    page.wait("document.querySelector('.pane-body')")


def test_the_judges_are_named_with_what_is_unjudged(page: Tab, report: Path) -> None:
    page.open(report)
    assert "essays: judged by big, small, 4 of 5 documents." in text(page, "#overview")
    assert "1 of 5 documents unjudged" in text(page, "#overview")


def test_the_list_is_filtered_by_label_and_by_difference(page: Tab, report: Path) -> None:
    page.open(report, "#samples")
    choose(page, "Label", "I")
    assert texts(page, ".row .where") == ["#1"]
    choose(page, "Label", "")
    page.click("[data-show=differ]")
    assert texts(page, ".row .where") == ["#1", "#4"]
    page.click("[data-show=unjudged]")
    assert texts(page, ".row .where") == ["#2"]


def test_verdicts_that_differ_can_come_first(page: Tab, report: Path) -> None:
    page.open(report, "#samples")
    choose(page, "Order", "differ")
    assert texts(page, ".row .where")[:2] == ["#1", "#4"]


def test_jurors_stand_side_by_side(page: Tab, report: Path) -> None:
    opened(page, report, 1)
    assert texts(page, ".juror .role") == ["big", "small"]
    assert texts(page, ".juror .chip.label") == ["C", "I"]
    tops = page.js("[...document.querySelectorAll('.juror')].map((e) => e.getBoundingClientRect().top)")
    assert len(tops) == 2 and tops[0] == tops[1]


def test_one_judge_stands_beside_the_answer(page: Tab, report: Path) -> None:
    opened(page, report, 2)
    assert texts(page, ".beside h3") == ["Answer", "Judgement"]
    assert "No verdict." in text(page, ".verdict")


def test_the_order_of_two_answers_is_shown(page: Tab, report: Path) -> None:
    opened(page, report, 4)
    assert "1 of 1 pair flipped" in text(page, ".judgement")
    assert texts(page, ".verdict span.muted") == ["answer first", "baseline first"]


def test_criteria_are_listed_with_their_points(page: Tab, report: Path) -> None:
    opened(page, report, 3)
    assert texts(page, ".criterion .words") == ["Names Lima", "Is rude"]
    signs = page.js("[...document.querySelectorAll('.criterion .sign')].map((e) => e.className)")
    assert signs == ["sign right", "sign wrong"]


def test_the_words_of_a_judge_are_searched(page: Tab, report: Path) -> None:
    page.open(report, "#samples?q=Since")
    page.wait("document.getElementById('shown').textContent === '1 of 5 samples'")
    assert_calm(page, report)
