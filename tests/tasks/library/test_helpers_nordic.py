"""The code next to the task files of Norwegian, Arabic, Greek, Indic and medical families."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest

from lm_eval.errors import ConfigError


def module(name: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{name}")


def test_arabicmmlu_shows_choices_up_to_the_first_empty_one() -> None:
    doc = {
        "Subject": "History",
        "Level": "High",
        "Country": "Jordan",
        "Context": "A text.",
        "Question": "Who?",
        **{f"Option {number}": text for number, text in enumerate(["x", "y", None, "z", None], start=1)},
    }
    text = module("arabicmmlu.utils").doc_to_text(doc)
    assert text == (
        "This is a History question for high school in Jordan. Select the correct answer!\n\n"
        "Question: A text.\n\nWho?\nA. x\nB. y\n\nAnswer:"
    )
    assert module("arabicmmlu.utils").doc_to_choice(doc) == ["A", "B", "D"]


def test_greekmmlu_letters_are_greek() -> None:
    assert module("greekmmlu.utils").doc_to_choice({"choices": ["x", "y"]}) == ["\u0391", "\u0392"]


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, ["Statement: S", "", "Consider the cultural nuances and choose"]),
        (
            {"REGION": "True"},
            ["Location: Levant", "Statement: S", "", "Consider the cultural nuances of the specified"],
        ),
        ({"REGION": "True", "COUNTRY": "True"}, ["Location: Jordan, Levant", "Statement: S"]),
        ({"REGION": "True", "ARABIC": "True"}, ["الموقع: الشام", "الجملة: S"]),
    ],
)
def test_arab_culture_prompt_follows_the_environment(
    environment: dict[str, str], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REGION", "COUNTRY", "ARABIC"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    doc = {"country": "Jordan", "region": "Levant", "first_statement": " S "}
    assert "\n".join(lines) in module("arab_culture_completion.utils_completion").doc_to_text(doc)


def test_arab_culture_has_no_prompt_with_a_country_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGION", raising=False)
    monkeypatch.setenv("COUNTRY", "True")
    with pytest.raises(ConfigError, match="REGION=True"):
        module("arab_culture.prompts").prompt({"country": "Jordan", "region": "Levant", "first_statement": "S"})


def test_indicparam_names_the_language_that_is_near() -> None:
    with pytest.raises(AttributeError, match="process_docs_marathi"):
        module("indicparam.utils").process_docs_maratha  # noqa: B018


def test_aradice_micro_f1_is_the_share_of_right_answers() -> None:
    assert module("aradice.metrics").micro_f1_score([(0, 0), (1, 0), (2, 2), (1, 1)]) == 0.75


@pytest.mark.parametrize(
    ("completion", "em", "fscore"),
    [("Gull, i munn!", 1, 1.0), ("gull", 0, 0.5), ("sølv", 0, 0.0)],
)
def test_noridiom_takes_the_best_of_the_accepted_completions(completion: str, em: int, fscore: float) -> None:
    doc = {"accepted_completions": ["gull i munn", "skatten i sin munn"]}
    assert module("noreval.noridiom.utils").process_results(doc, [completion]) == {"em": em, "fscore": fscore}


def test_norquad_takes_the_title_from_the_passage() -> None:
    class Rows(list[dict[str, str]]):
        def map(self, change: Any) -> list[dict[str, str]]:
            return [change(row) for row in self]

    rows = Rows([{"context": " Oslo \n\nEn by.\nStor. ", "question": "Hva \n er Oslo? "}])
    expected = {"title": "Oslo", "passage": "En by.\nStor.", "question": "Hva er Oslo?"}
    assert module("noreval.norquad.utils").process_docs(rows) == [expected]


def test_darija_sentiments_get_letters() -> None:
    doc = {"messages": [{"content": "-سلبي\n-ايجابي\n-ماكينش إحساس"}, {"content": "ايجابي"}]}
    text = module("darija_bench.utils").sentiment_text(doc)
    assert text.split("\n")[:3] == ["A. سلبي", "B. ايجابي", "C. ماكينش إحساس"]
    assert text.endswith("The answer should be strictly one letter of the following: A, B, C.")
    assert module("darija_bench.utils").sentiment_target(doc) == "B"


@pytest.mark.parametrize(
    ("report", "findings", "impression"),
    [
        ("FINDINGS: clear.     IMPRESSION: healthy.     END", "FINDINGS: clear.", "IMPRESSION: healthy."),
        ("Impression: healthy. Findings: clear.     END", "Findings: clear.", "Impression: healthy. "),
        ("Chest is clear. IMPRESSION: healthy.", "Chest is clear. ", "IMPRESSION: healthy."),
    ],
)
def test_mimic_finds_the_sections_of_a_report(report: str, findings: str, impression: str) -> None:
    sections, doc = module("mimic_repsum.sections"), {"extractive_notes_summ": report}
    assert sections.doc_to_text(doc) == f"Given the findings: {findings}.\nSummarize the findings."
    assert sections.doc_to_target(doc) == impression


def test_meqsum_shows_what_follows_the_head() -> None:
    assert module("meqsum.utils").doc_to_text({"CHQ": "SUBJECT: x MESSAGE: What helps?"}) == "What helps?"
    assert module("meqsum.utils").doc_to_text({"CHQ": "What helps?"}) == "What helps?"


def test_short_texts_are_not_compared() -> None:
    scores = module("shared.similarity").similarity_of_long("abcd", "abcdefgh", 5)
    assert all(math.isnan(value) for value in scores.values())
    assert set(scores) == {"bleu", "rouge1", "rouge2", "rougeL", "bleurt", "bert_score"}
